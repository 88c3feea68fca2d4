"""Run a lane over the log and view in memory, with crashes, lost views and bad fetches where a test wants them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from heart_logs import DAY, state_of, view
from heart_strategies import POLICY

from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.customer import snapshot
from models.prediction.model import PredictionModel
from models.rules.declared import load
from schemas import topics
from schemas.records import Record
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryServer, MemoryView
from streamer.adapters.redis_keys import LAYOUT
from streamer.core import ledger
from streamer.core.customer_cache import CustomerCache
from streamer.core.decide import decide
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick
from streamer.lanes.context import LaneContext, LaneSettings, Silent
from streamer.lanes.keys import LEDGER_KEY, definitions_version, erased_name, model_named, model_of_name, split_key
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Fenced, Read, Update, Write, Writes

Mode = Literal["before", "after", "lost before", "lost after"]
MODES: tuple[Mode, ...] = ("before", "after", "lost before", "lost after")


class Crash(Exception):
    """Raised where the process dies."""


@dataclass
class Faults:
    """Counts effects. At planned ones the process dies before or after the effect, perhaps with the view's data."""

    plan: Mapping[int, Mode] = field(default_factory=dict)
    count: int = 0
    names: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    view: MemoryView = field(default_factory=MemoryView)

    def next(self, name: str) -> Mode | None:
        mode = self.plan.get(self.count)
        self.count += 1
        self.names.append(name)
        if mode is not None and mode.startswith("lost"):
            self.view.lose()
        if mode in ("before", "lost before"):
            raise Crash(name)
        return mode

    def then(self, mode: Mode | None) -> None:
        if mode is not None:
            raise Crash(mode)


class CrashingLog(MemoryLog):
    def __init__(self, broker: MemoryBroker, lane: int, faults: Faults) -> None:
        super().__init__(broker, lane)
        self.faults = faults

    async def commit(self, writes: Writes, next_offset: int) -> int:
        mode = self.faults.next("commit")
        end = await super().commit(writes, next_offset)
        self.faults.then(mode)
        return end

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        async for chunk in super().changelog(start):
            # Small chunks, so that a restore takes several writes.
            for at in range(0, len(chunk), 7):
                yield chunk[at : at + 7]


class CrashingView(MemoryView):
    """Shares its shelf with every other view of the same server."""

    def __init__(self, server: MemoryView, faults: Faults) -> None:
        self.server = server
        self.faults = faults

    async def read(self, ids: Sequence[str], dues: Mapping[str, int], limit: int) -> Read:
        mode = self.faults.next("read")
        answer = await self.server.read(ids, dues, limit)
        self.faults.then(mode)
        return answer

    async def ready(self) -> None:
        await self.server.ready()

    async def ledger(self) -> bytes | None:
        return await self.server.ledger()

    async def models(self) -> dict[str, bytes]:
        return await self.server.models()

    async def definitions(self) -> dict[int, bytes]:
        return await self.server.definitions()

    async def erased(self) -> dict[str, bytes]:
        return await self.server.erased()

    async def ids_after(self, id: str, limit: int) -> list[str]:
        return await self.server.ids_after(id, limit)

    async def trouble(self) -> bytes | None:
        return await self.server.trouble()

    async def note_trouble(self, note: bytes | None) -> None:
        await self.server.note_trouble(note)

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        mode = self.faults.next("write")
        done = await self.server.write(expected, token, update)
        self.faults.tokens.append(token)
        self.faults.then(mode)
        return done

    async def wipe(self, token: str) -> None:
        mode = self.faults.next("wipe")
        await self.server.wipe(token)
        self.faults.then(mode)


@dataclass
class ManualClock:
    now: int = 0

    def now_ms(self) -> int:
        return self.now


TIGHT = LaneSettings(
    max_records=4, turn_records=3, max_due=2, max_residents=2, import_silence_ms=10**15, grace_ms=10**15
)
"""Everything in small portions, so that a short log needs many steps."""


class RigListener(Silent):
    """Records what a rig's lanes report."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def fetch_again(self, lane: int, offset: int) -> None:
        self.rig.sought.append(offset)

    def halted(self, lane: int, why: str) -> None:
        self.rig.stopped.append(why)

    def released(self, lane: int) -> None:
        self.rig.released += 1

    def restoring(self, lane: int, passed: int, of: int) -> None:
        self.rig.progress.append((passed, of))


class Rig:
    """One lane's world: an input log supplied bit by bit, a broker, a view server, and the lane's current owner.

    Parameters
    ----------
    layouts
        Layouts of the releases whose workers own the lane in turn.
    """

    def __init__(
        self,
        records: Sequence[Record],
        plan: Mapping[int, Mode] | None = None,
        *,
        settings: LaneSettings = TIGHT,
        policy: Policy = POLICY,
        chunk: int = 3,
        layouts: Sequence[int] = (LAYOUT,),
    ) -> None:
        self.broker = MemoryBroker()
        self.redis = MemoryServer()
        self.server = MemoryView(self.redis)
        self.layouts = layouts
        self.faults = Faults(plan or {}, view=self.server)
        self.clock = ManualClock()
        self.settings = settings
        self.policy = policy
        self.records = list(records)
        self.chunk = chunk
        self.crashes = self.owners = 0
        self.sought: list[int] = []
        self.progress: list[tuple[int, int]] = []
        self.zombies: list[Lane] = []
        self.stopped: list[str] = []
        self.released = 0
        self.lane: Lane | None = None

    async def own(self) -> Lane:
        """Let a new process take the lane over; the old one does not know."""
        if self.lane is not None:
            self.zombies.append(self.lane)
        while True:
            self.lane = Lane(
                0,
                CrashingLog(self.broker, 0, self.faults),
                CrashingView(self._view(), self.faults),
                LaneContext(self.policy, self.clock, self.settings),
                RigListener(self),
            )
            try:
                await self.lane.open()
            except Crash:
                self.crashes += 1
                continue
            return self.lane

    def _view(self) -> MemoryView:
        """Return the view as the next owner's release sees it; releases take turns."""
        self.owners += 1
        return MemoryView(self.redis, self.layouts[self.owners % len(self.layouts)])

    def append(self, records: Sequence[Record]) -> None:
        for record in records:
            write = Write(record.key, record.value, record.headers)
            self.clock.now = self.broker.now_ms = max(self.clock.now, record.timestamp)
            self.broker.append(topics.EVENTS, 0, write, record.timestamp)

    def batch(self, start: int, end: int | None = None) -> Batch:
        held = self.broker.records(topics.EVENTS, 0)
        end = len(held) if end is None else min(end, len(held))
        return Batch(start, max(start, end), held[start:end])

    async def run(self, mischief: Sequence[int] = ()) -> None:
        """Process the whole log and then a hundred days, whatever happens to the process meanwhile.

        ``mischief`` is how far off each fetch begins: behind for a repeat, ahead for a hole.
        """
        lane = await self.own()
        waiting = [*self.records, last_record(self.records)]
        wrong = list(mischief)
        idle = written = 0
        # Long enough for a walk through all customers, two at a time.
        while idle < 10:
            try:
                held = len(self.broker.records(topics.EVENTS, 0))
                if lane.next_offset >= held and waiting:
                    self.append(waiting[: self.chunk])
                    del waiting[: self.chunk]
                if lane.next_offset < len(self.broker.records(topics.EVENTS, 0)):
                    begin = lane.next_offset + (wrong.pop(0) if wrong else 0)
                    lane.offer(self.batch(max(0, begin), max(0, begin) + 5))
                else:
                    idle += 1
                await lane.turn()
                if written != (written := len(self.broker.records(topics.STATE, 0))):
                    idle = 0
            except Crash:
                self.crashes += 1
                idle = 0
                lane = await self.own()

    async def haunt(self) -> None:
        """Let every former owner wake up and continue with what it had: it must be refused and change nothing.

        Planned faults that never happened are switched off, because a crash here would not be the fence.
        """
        self.faults.plan = {}
        for zombie in self.zombies:
            assert isinstance(zombie._view, CrashingView)
            zombie._view = zombie._view.server
            zombie.offer(self.batch(zombie.next_offset))
            before = self.outputs()
            try:
                await zombie.turn()
                zombie.offer(self.batch(0))
                await zombie.turn()
            except Fenced:
                pass
            assert self.outputs() == before

    # -- what came of it --------------------------------------------------------------------------------------

    def values(self, topic: str, partition: int = 0) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"null") for record in self.broker.records(topic, partition)]

    def outputs(self) -> dict[str, object]:
        """Return everything that the world may see, except the wall clock."""
        changes: dict[str, list[dict[str, Any]]] = {}
        for change in self.values(topics.CHANGES):
            del change["detected_at"], change["automation_safe"]
            changes.setdefault(change["customer_id"], []).append(change)
        memberships: dict[bytes | None, tuple[int, dict[str, tuple[str, str]]] | None] = {}
        for record in self.broker.records(topics.MEMBERSHIPS, 0):
            if record.value is None:
                memberships[record.key] = None
                continue
            body = json.loads(record.value)
            segments = {name: (held["id"], held["since"]) for name, held in body["segments"].items()}
            memberships[record.key] = (body["seq"], segments)
        rerouted = [(r.key, r.value, r.headers) for r in self.broker.records(topics.EVENTS, 1)]
        dead = [(r.key, r.value, dict(r.headers)) for r in self.broker.records(topics.DEADLETTERS, 0)]
        return {"changes": changes, "memberships": memberships, "rerouted": rerouted, "dead": dead}

    def state(self) -> dict[str, object]:
        """Return all customers' state in the changelog, once all customers are brought to the lane's clock.

        Nights in which nothing happens to a customer are not written, so the bytes depend on when each was touched.
        """
        log = self.broker.records(topics.STATE, 0)
        state = LaneState(self.ledger(), CustomerCache(Memory()))
        parts = self.parts()
        for record in log:
            key = record.key or b""
            if (name := model_named(key)) is not None:
                kind, _ = model_of_name(name)
                read = PredictionModel.from_dict if kind == "predictions" else ClusterModel.from_dict
                state.adopt(read(json.loads(record.value or b"")))
            elif (version := definitions_version(key)) is not None:
                state.definitions[version] = load((record.value or b"").decode(), version)
        memory = state.cache.memory
        for id, held in parts.items():
            customer, behaviour = snapshot.load(id, held)
            state.cache.load(customer, memory.load(behaviour) if behaviour else -1)
        moved = decide([], state, self.policy, Tick(due=list(parts))).changes
        assert moved == [], "somebody was due, and nobody looked"
        return {
            id: (state_of(customer), memory.dump(customer.row) if customer.is_segmentable else b"")
            for id, customer in state.cache.customers.items()
        }

    def ledger(self) -> Ledger:
        raw = [r.value for r in self.broker.records(topics.STATE, 0) if r.key == LEDGER_KEY][-1]
        return ledger.load(raw or b"")

    def parts(self) -> dict[str, dict[str, bytes]]:
        """Return the parts of all customers, as a reader of the compacted changelog sees them."""
        latest: dict[str, dict[str, bytes]] = {}
        for record in self.broker.records(topics.STATE, 0):
            if (key := record.key or b"").startswith(b"!"):
                continue
            id, part = split_key(key)
            if record.value is not None:
                latest.setdefault(id, {})[part] = record.value
            else:
                latest.get(id, {}).pop(part, None)
        return {id: parts for id, parts in latest.items() if parts}

    def check_view(self) -> None:
        """Check that the view shows exactly the changelog's latest values."""
        latest = self.parts()
        assert self.server.shelf.parts == latest
        assert self.server.shelf.documents.keys() == {id for id, parts in latest.items() if snapshot.CORE in parts}
        marks = {erased_name(r.key or b""): r.value for r in self.broker.records(topics.STATE, 0)}
        assert self.server.shelf.erased == {name: mark for name, mark in marks.items() if name and mark}
        found = self.server.shelf.ledger
        assert found is not None and ledger.load(found) == self.ledger()


def last_record(records: Sequence[Record]) -> Record:
    """Return an interaction of another customer a hundred days later, which advances the lane's clock for all."""
    at = max((record.timestamp for record in records), default=0) + 100 * DAY
    return Record(0, 0, at, b"leo", view("last", "leo", at))


COUNTERS = (
    *("next_offset", "consumed", "applied", "duplicates", "late", "rerouted", "dead_letters", "control", "orders"),
    *(
        "reversals",
        "revenue_minor",
        "customers",
        "changes",
        "sizes",
        "timeline",
        "imports",
        "definitions_versions",
        "behind",
    ),
)


def counters(of: Ledger) -> dict[str, object]:
    assert of.unaccounted == 0
    return {name: getattr(of, name) for name in COUNTERS}
