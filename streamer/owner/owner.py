"""Run the model owner: the single reader of the panel topic, which learns and publishes frozen versions.

It runs in a pool like a lane (``streamer.lanes.pool.Reader``). Each step is one transaction: the version to every lane,
the tables, its snapshot and the panel's offset. A restart resumes from the snapshot. A second owner waits as a group
member without a partition; a paused owner is fenced by its transactional id.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from models.behaviour.panel import TARGET, PanelRow, shift_for
from models.behaviour.panel import decode as decode_row
from models.learning.decisions import approve, reject, rename
from models.learning.learner import Learned, Learner
from models.learning.owner_types import State
from models.learning.proposal import Proposal
from models.messages import Language
from models.prediction.challenger import Challenger
from models.prediction.model import PredictionModel
from models.prediction.predictor import Predictor
from models.prediction.predictor_snapshot import pack
from models.rules.definitions import Definitions
from schemas import topics
from schemas.control import IMPORT_HEADER
from schemas.decisions import DECISION_KEY, ModelDecision, decode_decision
from schemas.errors import InvalidEvent, InvariantViolation
from schemas.records import Headers, LogRecord
from schemas.signing import ControlKeys
from streamer.lanes.inbox import Inbox
from streamer.lanes.keys import NOTICE_KEY, SHIFT_HEADER, split_key
from streamer.lanes.ports import LaneLog, WallClock, Write, Writes
from streamer.owner.import_notices import ImportNotices, LearningRequest
from streamer.owner.pieces import SNAPSHOT, Piece, read_piece, taken_apart
from streamer.owner.publish_model import (
    answer_writes,
    definition_writes,
    model_writes,
    proposal_writes,
    version_writes,
)

log = structlog.get_logger(__name__)

_PIECE = 400_000
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class OwnerContext:
    """Settings of the model owner's service.

    Attributes
    ----------
    definitions
        Declared segmentations, whose names the owner publishes.
    lanes
        Number of partitions of the input topic; each receives every version.
    control_keys
        Keys that sign control records and verify decisions, if set.
    panel_target
        Number of customers to learn from, over all lanes.
    """

    definitions: Definitions
    lanes: int
    clock: WallClock
    control_keys: ControlKeys | None = None
    language: Language = "en"
    panel_target: int = TARGET


class OwnerListener(Protocol):
    """Receives events of the model owner. Methods are called in its event loop and must not block."""

    def fetch_again(self, lane: int, offset: int) -> None:
        """Fetch again from this offset, because records are missing in the partition."""

    def learned(self, day: int, learned: Learned, state: State) -> None:
        """Called when the owner ran the cluster learner or carried out a decision. At startup the outcome is ``restored``."""

    def foresaw(self, day: int, predictor: Predictor) -> None:
        """Called when the owner ran the predictor, or restored it at startup."""


class Owner(Inbox):
    """Learns from the panel and publishes.

    Parameters
    ----------
    learner
        Learner to feed; `open` restores its snapshot.
    owner_log
        Reads the panel topic and stores the snapshot in it.
    """

    def __init__(
        self, learner: Learner, owner_log: LaneLog, context: OwnerContext, listener: OwnerListener | None = None
    ) -> None:
        super().__init__("model owner", self._fetch_again)
        self._learner = learner
        self._predictor = Predictor()
        self._log = owner_log
        self._context = context
        self._listener = listener
        self._position = 0
        self._end = 0
        self._day = -1
        self._decisions: list[tuple[bytes, bytes, Headers]] = []
        self._learned_day = -1
        self._notices = ImportNotices(context.lanes)
        # Numbers of the last accepted signed decisions, and of the last answer to an import.
        self._taken: list[int] = []
        self._answered = 0
        # Number of snapshot pieces in the topic.
        self._pieces = 0
        # True if a customer left the panel but is still in the snapshot.
        self._forgot = False

    def _fetch_again(self, offset: int) -> None:
        if self._listener is not None:
            self._listener.fetch_again(0, offset)

    def _learned(self, day: int, learned: Learned) -> None:
        if self._listener is not None:
            self._listener.learned(day, learned, self._learner.state)

    @property
    def next_offset(self) -> int:
        return self._position

    async def close(self) -> None:
        await self._log.close()

    async def open(self) -> int:
        """Fence the previous owner, restore its snapshot, and publish the declared segments."""
        await self._log.open()
        notices, pieces = await self._read_topic()
        self._position = self._restore(pieces) if 0 in pieces else await self._log.first_offset()
        self._notices = ImportNotices(self._context.lanes)
        # Requests at or after the position will be read again.
        for key, (offset, value) in notices.items():
            if offset < self._position:
                self._day = max(self._day, self._notices.take(key, value))
        state, context = self._learner.state, self._context
        self._learned(state.last_update or 0, Learned("restored"))
        if self._listener is not None:
            self._listener.foresaw(state.last_update or 0, self._predictor)
        self._end = await self._log.end_offset()
        await self._log.commit(
            definition_writes(context.definitions, context.clock.now_ms(), context.language), self._position
        )
        return self._position

    async def _read_topic(self) -> tuple[dict[bytes, tuple[int, bytes | None]], dict[int, Piece]]:
        """Return each request's newest record with its offset, and the pieces of the snapshot."""
        notices: dict[bytes, tuple[int, bytes | None]] = {}
        pieces: dict[int, Piece] = {}
        self._pieces = 0
        async for chunk in self._log.changelog(0):
            for offset, key, value in chunk:
                if key.startswith(NOTICE_KEY):
                    notices[key] = (offset, value)
                if key.startswith(SNAPSHOT):
                    index = int(key[len(SNAPSHOT) :])
                    self._pieces = max(self._pieces, index + 1)
                    if value is not None:
                        pieces[index] = read_piece(value)
        return notices, pieces

    def _restore(self, pieces: Mapping[int, Piece]) -> int:
        """Restore the snapshot, and return its panel offset."""
        first = pieces[0]
        learner, self._predictor = taken_apart(pieces)
        self._learner.restore(learner)
        self._taken, self._answered = first.decided, first.answered
        return first.position

    async def run(self) -> None:
        while not self._stopping:
            await self._something_waits(_PATIENCE_SECONDS)
            if self._waiting:
                await self.turn()

    async def turn(self) -> None:
        """Process one batch: carry out decisions, answer imports, and learn if a new day has begun."""
        # A missing row could be tolerated, because later rows replace it. A decision is in the topic only once, so
        # allow no gaps.
        records, self._position = self._consecutive(self._position, 1)
        self._take(records)
        # Wait until everything present at startup has been read, or an old day would be learned again.
        if self._stopping or self._position < self._end:
            return
        if self._decisions:
            await self._answer()
        for request in self._notices.complete():
            await self._learn_for(request)
        if self._day > self._learned_day:
            await self._learn(self._day)
        if (self._forgot or self._notices.done) and not self._waiting:
            await self._log.commit({(topics.PANEL, 0): self._snapshot()}, self._position)

    def _take(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            key = record.key or b""
            if key.startswith(DECISION_KEY) and record.value is not None:
                self._decisions.append((key, record.value, record.headers))
            elif key.startswith(NOTICE_KEY):
                self._day = max(self._day, self._notices.take(key, record.value))
            if key.startswith(b"!"):
                continue
            if record.value is None:
                gone = PanelRow(split_key(key)[0], 0, b"")
                self._learner.observe(gone)
                self._predictor.observe(gone)
                self._forgot = True
                continue
            self._thin_out(record.headers)
            row = decode_row(record.value)
            self._learner.observe(row)
            self._predictor.observe(row)
            # An import requests learning itself.
            if not any(name == IMPORT_HEADER for name, _ in record.headers):
                self._day = max(self._day, row.day)

    def _thin_out(self, headers: Headers) -> None:
        """Follow the lanes to a sparser panel: customers no longer in it would look inactive."""
        for name, value in headers:
            if name == SHIFT_HEADER:
                self._set_shift(int(value))

    def _set_shift(self, shift: int) -> None:
        for one in (self._learner, self._predictor):
            if shift > one.shift:
                one.set_shift(shift)

    async def _learn(self, day: int) -> None:
        self._learned_day = day
        learner = self._learner
        before, waiting = learner.state.last_update, learner.state.proposal
        learned = learner.learn(day)
        self._learned(day, learned)
        asked = self._predictor.state.asked_until
        predictions = await self._foresee(day)
        if learner.state.last_update != before or self._predictor.state.asked_until != asked:
            writes = self._writes(day, waiting, learned, "adopted", predictions)
            writes[topics.PANEL, 0] = self._snapshot()
            await self._log.commit(writes, self._position)

    async def _foresee(self, day: int) -> PredictionModel | None:
        """Run the predictor, and return the new version, if any.

        Runs in a thread, because fitting may take seconds during which the broker expects heartbeats. Nothing else
        touches the predictor meanwhile, because the owner's turns run one after the other.
        """
        found = await asyncio.to_thread(self._predictor.learn, day)
        if self._listener is not None:
            self._listener.foresaw(day, self._predictor)
        return found

    async def _learn_for(self, request: LearningRequest) -> None:
        """Learn on the day requested by an import. One transaction holds the answer and the version, if any."""
        learner, day = self._learner, request.day
        self._set_shift(shift_for(request.customers, self._context.panel_target))
        waiting = learner.state.proposal
        learned = learner.learn(day)
        self._learned(day, learned)
        writes = self._writes(day, waiting, learned, "adopted", await self._foresee(day))
        next_day = max(day + 1, learner.state.next_day)
        # Number from the clock, so that lanes accept an owner that lost its snapshot, but never backwards.
        self._answered = max(self._answered + 1, self._context.clock.now_ms() * 1_000)
        context = self._context
        answers = answer_writes(request.import_id, day, next_day, context.lanes, self._answered, context.control_keys)
        for place, more in answers.items():
            writes.setdefault(place, []).extend(more)
        writes[topics.PANEL, 0] = [*(Write(key, None) for key in request.keys), *self._snapshot()]
        await self._log.commit(writes, self._position)

    async def _answer(self) -> None:
        """Carry out the decisions that people made.

        One transaction contains their effects, the snapshot and the tombstones of the decisions, so each takes effect
        exactly once, whenever the owner is killed.
        """
        state = self._learner.state
        # A fresh start may know no day yet, and the learner must not go back in time.
        day = max(self._day, state.last_update or 0)
        writes: Writes = {}
        done = []
        for key, value, headers in self._decisions:
            done.append(Write(key, None))
            try:
                decision, self._taken = decode_decision(value, headers, self._context.control_keys, self._taken)
            except InvalidEvent as error:
                log.warning("ignored an invalid model decision", error=error.message)
                continue
            if decision.action == "adopt":
                for place, more in self._adopted(decision, day).items():
                    writes.setdefault(place, []).extend(more)
                continue
            waiting = state.proposal
            learned = self._decided(decision, day)
            log.info("applied a model decision", action=decision.action, outcome=learned.outcome)
            self._learned(day, learned)
            for place, more in self._writes(day, waiting, learned, "approved").items():
                writes.setdefault(place, []).extend(more)
        self._decisions.clear()
        writes[topics.PANEL, 0] = [*done, *self._snapshot()]
        await self._log.commit(writes, self._position)

    def _decided(self, decision: ModelDecision, day: int) -> Learned:
        match decision.action:
            case "approve":
                return approve(self._learner, decision.proposal or 0, day)
            case "reject":
                return reject(self._learner, decision.proposal or 0, day)
            case _:
                return rename(self._learner, decision.segment or "", decision.name or "", day)

    def _adopted(self, decision: ModelDecision, day: int) -> Writes:
        """Return the records of an approved challenger of the predictions; none if it does not fit this program."""
        try:
            challenger = Challenger.from_dict(decision.challenger or {})
        except InvariantViolation as error:
            log.warning("ignored an unusable challenger", error=str(error))
            return {}
        # An owner that has just started may know no day.
        day = max(day, self._predictor.state.asked_until)
        model = self._predictor.adopt(challenger, day)
        if self._listener is not None:
            self._listener.foresaw(day, self._predictor)
        log.info("published an approved challenger", version=model.version, day=day)
        context = self._context
        return version_writes(model, context.lanes, context.clock.now_ms(), context.control_keys)

    def _writes(
        self,
        day: int,
        waiting: Proposal | None,
        learned: Learned,
        by: str,
        predictions: PredictionModel | None = None,
    ) -> Writes:
        """Return the records that one step publishes: versions, and the status of proposals."""
        now, writes = self._context.clock.now_ms(), Writes()
        if learned.model is not None:
            writes = model_writes(
                learned.model, self._context.lanes, now, self._context.control_keys, self._context.language
            )
            log.info("published a model version", version=learned.model.version, outcome=learned.outcome, day=day)
        if predictions is not None:
            lanes, keys = self._context.lanes, self._context.control_keys
            for place, more in version_writes(predictions, lanes, now, keys).items():
                writes.setdefault(place, []).extend(more)
            log.info("published a prediction version", version=predictions.version, form=predictions.form, day=day)
        if learned.withdrawn is not None:
            log.info("withdrew a proposal that is no longer justified", proposal=learned.withdrawn.number, day=day)
        for place, more in proposal_writes(waiting, learned, self._learner.state.proposal, now, by).items():
            writes.setdefault(place, []).extend(more)
        return writes

    def _snapshot(self) -> list[Write]:
        self._forgot = False
        data = zlib.compress(self._learner.snapshot(), 1) + zlib.compress(pack(self._predictor), 1)
        pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        writes = []
        for index, piece in enumerate(pieces):
            kept = Piece(self._position, len(pieces), piece, self._taken, self._answered)
            writes.append(Write(SNAPSHOT + str(index).encode(), msgspec.msgpack.encode(kept)))
        # Leftovers of a longer snapshot may contain customers who must be forgotten.
        writes += [Write(SNAPSHOT + str(index).encode(), None) for index in range(len(pieces), self._pieces)]
        self._pieces = len(pieces)
        writes += [Write(key, None) for key in self._notices.done]
        self._notices.done.clear()
        return writes
