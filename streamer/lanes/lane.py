"""A lane: one partition's owner. Own it, restore, then batch after batch in the one order that loses nothing.

The order of effects, and why:

1. Read the view: states, and the token that says what the view shows. A token that is not ours means that the
   view was lost or is another's, and a wiped view must not look like new customers: restore first.
2. `decide`. Pure.
3. Commit one Kafka transaction: states, changes, memberships, dead letters, panel rows, onward records, ledger,
   offset. Either all of it happened or none.
4. Write the view, compare-and-set on its token. A crash between 3 and 4 leaves it behind; 1 notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from models.customer import snapshot
from schemas.control import SIGNATURE_HEADER, ControlClock, is_control, sign
from schemas.errors import UnreadableBatch
from schemas.records import LogRecord
from streamer.core import ledger
from streamer.core.decide import decide, moves_clock
from streamer.core.decision import Decision, Rerouted
from streamer.core.decode import DecodedRecord, decode_records, subject
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick
from streamer.lanes import encode
from streamer.lanes.deadletter_limit import DeadLetterLimit
from streamer.lanes.inbox import Inbox
from streamer.lanes.ports import LaneLog, LaneView, Update, WallClock
from streamer.lanes.restore import restore, token_of
from streamer.lanes.silent_imports import SilentImports

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How a lane runs; nothing here changes what it decides.

    Attributes
    ----------
    max_records
        Records after which no further waiting batch joins a transaction: the more of them, the fewer customers are
        written again and again while a backlog is taken in.
    turn_records
        Records decided before other lanes of the process may have a turn.
    max_due
        Customers due by time that are taken with one batch, so that live records stay in between.
    max_residents
        Customers kept in memory.
    tick_seconds
        How often an idle lane looks at the clock.
    wall_margin_ms
        How much a lane's clock stays behind the wall clock while nothing arrives: more than `Policy.lateness_ms`, so
        that whatever comes next moves it further, and a replay of the log judges the same.
    import_silence_ms
        An open import not heard of for so long, while the lane listened, is closed by it.
    control_key
        Signs and checks control records, where set.
    deadletter_run, deadletter_ratio, deadletter_window
        When the lane stops because too much is refused (`DeadLetterLimit`).
    """

    max_records: int = 8_000
    turn_records: int = 1_000
    max_due: int = 500
    max_residents: int = 100_000
    tick_seconds: float = 1.0
    wall_margin_ms: int = 10_000
    import_silence_ms: int = 600_000
    control_key: bytes | None = None
    deadletter_run: int = 1_000
    deadletter_ratio: float = 0.5
    deadletter_window: int = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one committed step did; for metrics and whoever waits. ``seconds`` by stage."""

    partition: int
    items: Sequence[DecodedRecord]
    decision: Decision
    state: LaneState
    committed_ms: int
    seconds: dict[str, float]


class Lane(Inbox):
    """Owns one partition from `open` to `close`. All methods run in one event loop.

    Parameters
    ----------
    seek
        Called with an offset when a hole was found: fetch again from there.
    on_step
        Called after every committed step.
    on_halt
        Called when the lane stops because too much is refused or a batch cannot be opened, with what it was.
    on_restoring
        Called while a restore goes on with the lane, how many offsets of the changelog were passed, and of how many.
    on_restored
        Called after every restore with the state, how many seconds it took, and how many customers were read back.
    """

    _silent: SilentImports
    """Made in `open`: from then on the lane listens."""

    def __init__(
        self,
        partition: int,
        lane_log: LaneLog,
        view: LaneView,
        policy: Policy,
        clock: WallClock,
        settings: LaneSettings | None = None,
        *,
        seek: Callable[[int], None] = lambda offset: None,
        on_step: Callable[[Step], None] = lambda step: None,
        on_halt: Callable[[str], None] = lambda reason: None,
        on_restoring: Callable[[int, int, int], None] = lambda lane, passed, of: None,
        on_restored: Callable[[LaneState, float, int], None] = lambda state, seconds, customers: None,
    ) -> None:
        super().__init__(f"lane {partition}", seek)
        self.partition = partition
        self.settings = settings or LaneSettings()
        self.state = LaneState.fresh(partition)
        self._log = lane_log
        self._view = view
        self._policy = policy
        self._clock = clock
        self._on_step = on_step
        self._on_halt = on_halt
        self._on_restoring = on_restoring
        self._on_restored = on_restored
        self._token: str | None = None
        # More is due than one turn takes.
        self._hurry = False
        # Where the walk through customers stands; None when all were seen since the last night or new definitions.
        self._cursor: str | None = ""
        self.halted: str | None = None
        self._limit = DeadLetterLimit(
            self.settings.deadletter_run, self.settings.deadletter_ratio, self.settings.deadletter_window
        )
        self._asked: tuple[int, int] | None = None

    # -- life -------------------------------------------------------------------------------------------------

    async def open(self) -> int:
        """Fence the former owner and restore; gives the offset to read from."""
        await self._log.open()
        await self._restore()
        self._silent = SilentImports(self.partition, self.settings.import_silence_ms, self._clock.now_ms())
        return self.next_offset

    @property
    def next_offset(self) -> int:
        """The first record that this lane has not decided."""
        return self.state.ledger.next_offset

    @property
    def walking(self) -> bool:
        """Whether customers outside of memory are still to be seen since the last night."""
        return self._cursor is not None

    async def run(self) -> None:
        """Take batches until `stop`, or until the lane must not go on (`halted` then says why).

        Raises whatever makes going on impossible; the process must then end.
        """
        while not self._stopping and self.halted is None:
            await self._something_waits(0.0 if self._hurry or self.walking else self.settings.tick_seconds)
            if not self._stopping:
                await self.turn()

    async def close(self) -> None:
        """Give the lane up."""
        await self._log.close()

    # -- one turn ---------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """One step: everything that waits, within bounds, or a look at the clock."""
        time = asyncio.get_running_loop().time
        stages = [time()]
        records, end = self._consecutive(self.next_offset, self.settings.max_records)
        clock = None if records else await self._wall_clock()
        try:
            items = await self._decoded(records)
        except UnreadableBatch as error:
            # What lies before it is decided first; the next turn then begins with it.
            records = [record for record in records if record.offset < error.first]
            if not records:
                self._halt(str(error))
                return
            end = records[-1].offset + 1
            self._seek(end)
            items = await self._decoded(records)
        if (room := self._limit.room(items)) < len(items):
            del items[room:]
            end = items[-1].record.offset + 1
        stages.append(time())
        due = await self._load(items, clock)
        stages.append(time())
        decision = Decision()
        for portion in self._portions(items):
            decision.absorb(decide(portion, self.state, self._policy))
            await asyncio.sleep(0)
        decision.absorb(decide((), self.state, self._policy, Tick(clock, due)))
        self.state.ledger.next_offset = end
        if decision.night or decision.definitions:
            self._cursor = ""
        if not records and self._asked is None:
            decision.rerouted.extend(self._silent.close(self.state.ledger.imports, self._clock.now_ms()))
        decision.rerouted = [self._signed(rerouted) for rerouted in decision.rerouted]
        stages.append(time())
        if not (items or decision.touched or decision.rerouted):
            # The walk after a night may have made many resident of whom none moved.
            self._forget(decision)
            return
        stored = encode.store(decision, self.state, self._policy)
        raw_ledger = ledger.dump(self.state.ledger)
        writes = encode.writes(decision, stored, raw_ledger, self.state, self._policy, self._clock.now_ms())
        offset = await self._log.commit(writes, end)
        stages.append(time())
        committed_ms = self._clock.now_ms()
        await self._show(encode.update(decision, stored, raw_ledger, self.state, items), offset)
        stages.append(time())
        names = ("decode", "load", "decide", "commit", "view")
        seconds = {name: after - before for name, before, after in zip(names, stages, stages[1:], strict=False)}
        self._on_step(Step(self.partition, items, decision, self.state, committed_ms, seconds))
        self._forget(decision)
        self._judge(items, decision)

    async def _decoded(self, records: Sequence[LogRecord]) -> list[DecodedRecord]:
        items: list[DecodedRecord] = []
        for some in self._portions(records):
            items += decode_records(
                some,
                lanes=self._policy.lanes,
                local=self.state.cache.customers,
                max_event_bytes=self._policy.max_event_bytes,
                control_key=self.settings.control_key,
            )
            await asyncio.sleep(0)
        return items

    def _judge(self, items: Sequence[DecodedRecord], decision: Decision) -> None:
        """Halt where too much is refused: what is committed stays, and nothing more is drained."""
        # Guests are no sign of a bad deploy.
        reason = self._limit.take(
            items, {dead.record.offset for dead in decision.dead_letters if dead.reason != "nobody"}
        )
        if reason is not None and self.halted is None:
            self._halt(reason)

    def _halt(self, reason: str) -> None:
        self.halted = reason
        log.error("the lane stops; see docs/runbooks/LaneStopped.md", lane=self.partition, why=reason)
        self._on_halt(reason)

    def _portions(self, all: Sequence[T]) -> Iterator[Sequence[T]]:
        """In portions that other lanes can wait for."""
        size = self.settings.turn_records
        return (all[at : at + size] for at in range(0, len(all), size))

    async def _load(self, items: Sequence[DecodedRecord], clock: int | None) -> list[str]:
        """Make the customers of a batch resident, and some of those who are due; gives the latter's ids."""
        dues = self._clocks(items, clock)
        while True:
            cache = self.state.cache.customers
            wanted = list(dict.fromkeys(id for item in items if (id := subject(item)) is not None and id not in cache))
            read = await self._view.read(wanted, dues, self.settings.max_due)
            if read.token == self._token:
                break
            log.warning("the view is not ours; restoring it", lane=self.partition, found=read.token)
            await self._restore()
        self._admit(read.customers)
        due = list(read.due)
        self._hurry = len(due) >= self.settings.max_due
        due.extend(await self._walk())
        absent = [id for id in due if id not in self.state.cache.customers]
        if absent:
            again = await self._view.read(absent, {}, 0)
            if again.token != self._token:
                self._hurry = True
                return []
            self._admit(again.customers)
        return [id for id in dict.fromkeys(due) if id in self.state.cache.customers]

    def _admit(self, customers: dict[str, dict[str, bytes]]) -> None:
        cache = self.state.cache
        for id, parts in customers.items():
            if id not in cache.customers:
                customer, behaviour = snapshot.load(id, parts)
                days = partial(customer.book.days, self._policy.grid.day_of)
                cache.load(customer, cache.memory.load(behaviour, days) if behaviour else -1)

    def _clocks(self, items: Sequence[DecodedRecord], clock: int | None) -> dict[str, int]:
        """Where the clocks will stand after the records: by import, and "" for the lane's."""
        lane = max(self.state.ledger.clock, clock or 0)
        clocks = {id: opened.clock or 0 for id, opened in self.state.ledger.imports.items()}
        for item in items:
            control = item.control
            if isinstance(control, ControlClock):
                clocks[control.import_id] = max(clocks.get(control.import_id, 0), control.at)
            if moves_clock(item, self._policy):
                lane = max(lane, item.record.timestamp - self._policy.lateness_ms)
        return {"": lane, **clocks}

    async def _walk(self) -> list[str]:
        """The next customers that are not in memory, once after every night: clusters move by time too.

        Those in memory as well while some customers were not yet brought to new definitions.
        """
        cache, everybody = self.state.cache, self.state.ledger.behind > 0
        if len(cache) - cache.aliases >= self.state.ledger.customers and not everybody:
            self._cursor = None
            return []
        if self._cursor is None:
            return []
        ids = await self._view.ids_after(self._cursor, self.settings.max_due)
        self._cursor = ids[-1] if len(ids) >= self.settings.max_due else None
        return ids if everybody else [id for id in ids if id not in cache.customers]

    async def _wall_clock(self) -> int | None:
        """The wall clock less its margin, once everything appended before it was asked for has been read."""
        if self._asked is None:
            now = self._clock.now_ms()
            self._asked = (now, await self._log.end_offset())
        asked_at, end = self._asked
        if self.next_offset < end:
            return None
        self._asked = None
        return asked_at - self.settings.wall_margin_ms if self._policy.wall else None

    def _signed(self, rerouted: Rerouted) -> Rerouted:
        """The same with a signature, if it is a control record and there is a key."""
        key = self.settings.control_key
        if not key or rerouted.value is None or not is_control(rerouted.headers):
            return rerouted
        headers = [*rerouted.headers, (SIGNATURE_HEADER, sign(rerouted.value, key))]
        return Rerouted(rerouted.partition, rerouted.key, rerouted.value, headers)

    # -- the view ---------------------------------------------------------------------------------------------

    async def _show(self, update: Update, offset: int) -> None:
        token = token_of(self.state.ledger, offset)
        if await self._view.write(self._token, token, update):
            self._token = token
        else:
            log.warning("the view refused an update; restoring it", lane=self.partition)
            await self._restore()

    async def _restore(self) -> None:
        time = asyncio.get_running_loop().time
        begun = time()

        def told(passed: int, of: int) -> None:
            self._on_restoring(self.partition, passed, of)

        restored = await restore(self.partition, self._log, self._view, self._policy, told)
        self.state = restored.state
        self._token = restored.token
        self._cursor = ""
        self._on_restored(self.state, time() - begun, restored.customers)

    def _forget(self, decision: Decision) -> None:
        """Keep memory bounded: those in memory longest go, but not who was just touched."""
        cache = self.state.cache
        excess = len(cache) - self.settings.max_residents
        if excess > 0:
            for id in [id for id in cache.customers if id not in decision.touched][:excess]:
                cache.evict(id)
