"""Run a model owner over memory, whose panel topic is input and changelog at once, as on the real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from behaviour_world import World

from models.behaviour.model import ClusterModel
from models.behaviour.panel import PanelRow, encode
from models.learning.learner import Learner, LearnerConfig
from models.learning.owner_types import Learned, State
from models.prediction.predictor import Predictor
from models.rules.defaults import DEFAULTS
from schemas import topics
from schemas.decisions import ModelDecision, decision_key, encode_decision
from schemas.signing import ControlKeys
from streamer.adapters.memory import MemoryBroker, MemoryLog
from streamer.core.decision import ImportNotice
from streamer.lanes.keys import notice_key
from streamer.lanes.ports import Batch, Write, Writes
from streamer.owner.owner import Owner, OwnerContext

OWNER = 999


class Stopped(Exception):
    """Raised where the process is killed."""


class PanelLog(MemoryLog):
    """The owner's log; ``crash`` kills the owner ``before`` or ``after`` its next commit with content."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker, OWNER)
        self.crash: str | None = None

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        yield [(r.offset, r.key or b"", r.value) for r in self._broker.records(topics.PANEL)[start:]]

    async def end_offset(self) -> int:
        return len(self._broker.records(topics.PANEL))

    async def commit(self, writes: Writes, next_offset: int) -> int:
        struck = self.crash if (topics.PANEL, 0) in writes else None
        if struck == "before":
            raise Stopped
        offset = await super().commit(writes, next_offset)
        if struck == "after":
            raise Stopped
        return offset


class Clock:
    def now_ms(self) -> int:
        return 1_750_000_000_000


class _Seeking:
    """Records the offsets to fetch again from."""

    def __init__(self, back: list[int]) -> None:
        self._back = back

    def fetch_again(self, lane: int, offset: int) -> None:
        self._back.append(offset)

    def learned(self, day: int, learned: Learned, state: State) -> None:
        return None

    def foresaw(self, day: int, predictor: Predictor) -> None:
        return None


class OwnerRig:
    """Feeds an owner from a `World`, and reads what it published."""

    def __init__(
        self, world: World, config: LearnerConfig, key: ControlKeys | None = None, language: Any = "en"
    ) -> None:
        self.broker = MemoryBroker()
        self.world = world
        self.config = config
        self.key = key
        self.language = language

    def publish_rows(self, *headers: tuple[str, bytes]) -> None:
        """Publish rows of all customers as of today."""
        for i, row in enumerate(self.world.rows):
            blob = self.world.memory.dump(int(row))
            value = encode(PanelRow(f"c{i}", self.world.day, blob))
            self.broker.append(topics.PANEL, 0, Write(f"c{i}".encode(), value, headers))

    def decide(self, *, signed: bool = True, **decision: Any) -> None:
        """Write a decision."""
        value, headers = encode_decision(ModelDecision(**decision), self.key if signed else None)
        self.decision = Write(decision_key(), value, headers)
        self.broker.append(topics.PANEL, 0, self.decision)

    def decide_again(self) -> None:
        """Write a copy of the last decision, as somebody who can only copy could."""
        self.broker.append(topics.PANEL, 0, Write(decision_key(), self.decision.value, self.decision.headers))

    def notice(self, lane: int, day: int, *, closed: bool = False) -> None:
        """Write what a lane forwards when an import asks or ends."""
        notice = ImportNotice("i-1", lane, day, self.world.customers // 2, closed)
        self.broker.append(topics.PANEL, 0, Write(notice_key("i-1", lane), msgspec.json.encode(notice)))

    async def run(self, crash: str | None = None, lost_until: int = 0) -> Owner:
        """Start an owner and let it read to the end. What is before ``lost_until`` is lost on the way, once."""
        log = PanelLog(self.broker)
        back: list[int] = []
        context = OwnerContext(DEFAULTS, 2, Clock(), self.key, self.language)
        owner = Owner(Learner(self.config), log, context, _Seeking(back))
        start = await owner.open()
        log.crash = crash
        records = self.broker.records(topics.PANEL)
        end = len(records)
        begin = max(start, lost_until)
        owner.offer(Batch(begin, end, records[begin:end]))
        try:
            await self._until_read(owner)
            if back:
                start = back[0]
                owner.offer(Batch(start, end, records[start:end]))
                await self._until_read(owner)
        except Stopped:
            pass
        # The lanes receive what is published.
        models = [
            ClusterModel.from_dict(one["body"]) for one in self.published("segment.model") if one["kind"] == "clusters"
        ]
        self.world.timeline = [(model.made_on + 1, model) for model in models]
        return owner

    async def _until_read(self, owner: Owner) -> None:
        # One iteration of `run` for each waiting batch.
        while owner._waiting:
            batch_count = len(owner._waiting)
            await owner.turn()
            assert len(owner._waiting) < batch_count

    def published(self, kind: str) -> list[dict[str, Any]]:
        """Return records of the models topic."""
        bodies = [msgspec.json.decode(record.value or b"{}") for record in self.broker.records(topics.MODELS)]
        return [body for body in bodies if body["type"] == kind]

    def in_lanes(self) -> list[int]:
        """Return the versions written to the first lane."""
        return [body["version"] for body in self.lane() if body["type"] == "control.model"]

    def lane(self, lane: int = 0) -> list[dict[str, Any]]:
        """Return what was written to a lane."""
        return [msgspec.json.decode(record.value or b"{}") for record in self.broker.records(topics.EVENTS, lane)]
