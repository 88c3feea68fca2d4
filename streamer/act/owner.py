"""Own ``act``: read changes, events and commands, decide, commit, and only then call.

One turn is one transaction: the decisions, their state and the offsets of their inputs. A claim (``message.sending``)
is committed before its call begins, so a restart always knows which calls may have been made
(``docs/adr/0015``). A second owner waits as a group member without a partition; a paused one is fenced by its
transactional id.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from secrets import token_hex

import structlog
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.changes import decode_change
from schemas.errors import TransientError
from schemas.partition import partition_for
from schemas.records import LogRecord
from schemas.tracing import traceparent
from streamer.act import store
from streamer.act.calls import Call, Calls
from streamer.act.heart import due as gates
from streamer.act.heart import measure, room
from streamer.act.heart.local import zone
from streamer.act.heart.plan import plan
from streamer.act.heart.settle import settle
from streamer.act.heart.state import Message, Outcome, State
from streamer.act.heart.weekly import plan_weekly
from streamer.act.incoming import carry_out, take_event
from streamer.act.judging import Judge
from streamer.act.links import Links
from streamer.act.plays.book import Channel
from streamer.act.ports import Customers, Inputs, Journal, Seen, Sender, Source
from streamer.act.recovery import recover
from streamer.act.reports import Maker, Reports, made_by_command
from streamer.act.settings import ActSettings
from streamer.act.timers import Timers
from streamer.lanes.inbox import Inbox
from streamer.lanes.ports import LaneLog, WallClock

log = structlog.get_logger(__name__)

_INPUT_SECONDS = 0.005
_WRONG_SECONDS = 0.2
"""Between looks at a clock that is wrong."""
_HOUR_MS = 3_600_000


class ActOwner(Inbox):
    """Decides and sends.

    Parameters
    ----------
    act_log
        Reads ``streamer.act.v1`` and stores the state in it.
    senders
        Senders by kind of channel.
    make_report
        Makes the reports that weekly plays send.
    on_call
        Called after each call with its channel and the seconds it took.
    on_turn
        Called after every committed turn with the state and the turn's outcome.
    trusts
        Whether to decide at an instant (ms), given that of the last decision (0: none); see `clock.ClockWatch`.
    monotonic
        Clock in seconds that keeps running while the process is frozen; it measures the lease.
    """

    def __init__(
        self,
        act_log: LaneLog,
        inputs: Inputs,
        customers: Customers,
        senders: Mapping[str, Sender],
        journal: Journal,
        policy: gates.Policy,
        links: Links,
        lanes: int,
        clock: WallClock,
        settings: ActSettings | None = None,
        *,
        make_report: Maker = made_by_command,
        seek: Callable[[int], None] = lambda offset: None,
        on_turn: Callable[[State, Outcome], None] = lambda state, outcome: None,
        on_call: Callable[[str, float], None] = lambda channel, seconds: None,
        trusts: Callable[[int, int], bool] = lambda now, last: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("act", seek)
        self.state = State()
        self._log = act_log
        self._inputs = inputs
        self._customers = customers
        self._journal = journal
        self._policy = policy
        self._lanes = lanes
        self._clock = clock
        self._settings = settings or ActSettings()
        self._on_turn = on_turn
        self._trusts = trusts
        self._monotonic = monotonic
        self._timers = Timers()
        self._where = zone(None, policy.timezone)[0]
        self._read: dict[Source, int] = {}
        self._fetched: list[tuple[Source, LogRecord | None, int]] = []
        # Looked up at each call, so that a test can replace the rule.
        self._calls = Calls(senders, journal, lambda: self._owns(), self._wake_up, on_call)
        self._reports = Reports(make_report, self._settings.language, self._report_ended)
        self._judge = Judge(
            policy, links, self._timers, self._calls, journal.name, self._settings.language, self._reports
        )
        self._pump: asyncio.Task[None] | None = None
        self._shop_size = 0
        self._counted = 0.0
        self._measured = 0.0
        self._committed = 0.0
        # Time of the last turn, and the latest of the lanes' clocks, ms.
        self._last = self._event_now = 0
        self._is_recovered = False

    # -- life -------------------------------------------------------------------------------------------------

    @property
    def next_offset(self) -> int:
        return self.state.ledger.orders

    @property
    def overdue_ms(self) -> int:
        """How long (ms) the longest-waiting message is overdue."""
        return self._timers.overdue(self._last)

    async def open(self) -> int:
        """Fence the previous owner and restore; the first turn settles the calls it left in progress."""
        await self._log.open()
        state = self.state = State()
        async for chunk in self._log.changelog(0):
            store.restore(((key, value) for _, key, value in chunk), state)
        state.ledger.salt = state.ledger.salt or token_hex(16)
        if not state.ledger.orders:
            state.ledger.orders = await self._log.first_offset()
        starts = {(topics.CHANGES, lane): offset for lane, offset in state.ledger.changes.items()}
        starts.update({(topics.EVENTS, lane): offset for lane, offset in state.ledger.events.items()})
        await self._inputs.open(starts)
        self._read = dict(starts)
        for message in state.messages.values():
            if message.status == "waiting":
                self._timers.set(message.id, message.due)
        return state.ledger.orders

    async def run(self) -> None:
        """Run turns until `stop`. Unrecoverable errors propagate; the process must then end."""
        self._pump = asyncio.create_task(self._fetch(), name="act-inputs")
        try:
            while not self._stopping:
                self._rethrow()
                await self._something_to_do(self._seconds_left(await self._now()))
                if not self._stopping:
                    await self.turn()
            await self._settle_the_last()
        finally:
            self._pump.cancel()
            await self._reports.close()
            await self._calls.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    def _seconds_left(self, now: int) -> float:
        """Return the seconds until a message is due or a channel with queued messages accepts a call; at most 1."""
        found = [room.free_at(channel, self.state, now) for channel in self._timers.lines(self.state)]
        if (at := self._timers.next()) is not None:
            found.append(at)
        return min(1.0, max(0.02, (min(found, default=now + 1_000) - now) / 1_000))

    async def _something_to_do(self, seconds: float) -> None:
        """Wait until there is input or an answer, at most ``seconds``."""
        if not (self._fetched or self._calls.answered):
            await self._something_waits(seconds)

    async def calls_ended(self) -> None:
        """Wait until all calls have ended, at most for the maximum wait of a stopping owner."""
        await self._calls.ended(self._settings.stop_seconds)

    async def _settle_the_last(self) -> None:
        """Let calls in progress end and commit their results. The next owner settles those that take longer."""
        await self.calls_ended()
        outcome = Outcome()
        # Whatever the clock says by now.
        self._take_answers(outcome, self._last)
        await self._commit(outcome)

    async def close(self) -> None:
        await self._inputs.close()
        await self._log.close()
        await self._calls.close()

    async def _fetch(self) -> None:
        """Fetch inputs beside the turns, while few records wait."""
        while True:
            await self.fetch(0.5)
            while len(self._fetched) > 20_000:
                await asyncio.sleep(0.01)

    async def fetch(self, seconds: float) -> None:
        """Read the inputs, waiting up to ``seconds`` for a record. The next turn processes them."""
        for one in await self._inputs.poll(seconds):
            self._fetched.extend((one.source, record, record.offset + 1) for record in one.records)
            self._fetched.append((one.source, None, one.end))
            self._wake_up()

    def _rethrow(self) -> None:
        if self._pump is not None and self._pump.done() and (error := self._pump.exception()) is not None:
            raise error

    async def _now(self) -> int:
        """Return the time of this turn (ms), by the same clock as the customers."""
        if not self._settings.event_clock:
            return self._clock.now_ms()
        with contextlib.suppress(TransientError):
            self._event_now = max(self._event_now, await self._customers.clock())
        return self._event_now

    # -- one turn ---------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Process new input, decide what is due, commit, and start the claimed calls; nothing while the clock is wrong."""
        now, outcome, ledger = await self._now(), Outcome(), self.state.ledger
        if not self._trusts(now, ledger.at):
            await asyncio.sleep(_WRONG_SECONDS)
            return
        self._last = now
        self._recover(outcome, now)
        # An idle owner remembers its time as well, so that the next one knows how long nobody was there.
        outcome.moved = now - ledger.at >= _HOUR_MS
        await self._count_customers()
        self._take_orders(outcome, now)
        self._take_inputs(outcome, now)
        self._take_answers(outcome, now)
        plan_weekly(self.state, outcome, now, self._where)
        self._reports.keep(self.state.messages)
        self._timers.follow(outcome.messages, self.state.messages)
        known = set(outcome.messages)
        calls = await self._judge_ripe(outcome, now)
        self._timers.follow(outcome.messages - known, self.state.messages)
        if self._calls and self._monotonic() - self._committed > self._settings.lease_seconds / 3:
            # Calls may begin only while this process knows that it is the owner, which a commit proves.
            outcome.moved = True
        await self._commit(outcome)
        for call in calls:
            self._calls.begin(call)

    def _recover(self, outcome: Outcome, now: int) -> None:
        """In the first turn: settle the calls that the previous owner left in progress."""
        if self._is_recovered:
            return
        self._is_recovered = True
        recover(self.state, self._journal, outcome, now)
        self._journal.forget(message.journal for message in self.state.messages.values() if message.journal)

    async def _commit(self, outcome: Outcome) -> None:
        if not outcome:
            return
        self.state.ledger.at = self._last
        await self._log.commit(store.writes(outcome, self.state, self._lanes), self.state.ledger.orders)
        self._committed = self._monotonic()
        self.state.people.fold()
        self._on_turn(self.state, outcome)

    def _report_ended(self) -> None:
        """Check the messages that wait for a report at once, because the lanes' clock may not advance."""
        for message in self.state.messages.values():
            if message.status == "waiting" and self.state.play(message).when.weekly is not None:
                self._timers.set(message.id, self._last)
        self._wake_up()

    def _owns(self) -> bool:
        """Return whether the last commit is so recent that no other process can be the owner."""
        return not self._stopping and self._monotonic() - self._committed <= self._settings.lease_seconds

    async def _count_customers(self) -> None:
        """Update the number of customers once a minute, because the storm limit is a share of it."""
        if self._monotonic() - self._counted > 60 or not self._shop_size:
            with contextlib.suppress(TransientError):
                self._shop_size = await self._customers.count()
            self._counted = self._monotonic()

    # -- what comes in ----------------------------------------------------------------------------------------

    def _take_orders(self, outcome: Outcome, now: int) -> None:
        if not self._waiting:
            return
        records, end = self._consecutive(self.state.ledger.orders, 1)
        self.state.ledger.orders = end
        for record in records:
            carry_out(record, self.state, outcome, now, self._settings.control_keys)

    def _take_inputs(self, outcome: Outcome, now: int) -> None:
        """Process all fetched records, in order within each lane."""
        fetched, self._fetched = self._fetched, []
        ledger = self.state.ledger
        for (topic, lane), record, end in fetched:
            self._read[topic, lane] = end
            if topic == topics.CHANGES:
                ledger.changes[lane] = end
                if record is not None and record.value is not None:
                    plan(decode_change(record.value), self.state, outcome, now, self._shop_size, traceparent(record))
            else:
                ledger.events[lane] = end
                if record is not None:
                    take_event(record, self.state, outcome, now)

    def _take_answers(self, outcome: Outcome, now: int) -> None:
        for id, attempt, answer in self._calls.answers():
            message = self.state.messages.get(id)
            if message is not None and message.status == "sending" and message.attempt == attempt:
                settle(message, answer, self.state, outcome, now)

    # -- what is due ------------------------------------------------------------------------------------------

    async def _judge_ripe(self, outcome: Outcome, now: int) -> list[Call]:
        """Evaluate due messages, after reading every input up to its end at the start of the evaluation."""
        ripe, measures = self._ripe(now), self._ripe_measures(now)
        if not ripe and not measures:
            return []
        try:
            events = await self._inputs.ends(topics.EVENTS)
            wanted = [self.state.measures[id].customer for id in measures]
            seen = await self._customers.read([*(message.customer for message in ripe), *wanted])
            changes = await self._inputs.ends(topics.CHANGES)
        except (TransientError, KafkaError) as error:
            log.warning("failed to read an input; holding messages", error=repr(error))
            seen, events, changes = {}, {}, {}
        read = bool(seen) and await self._read_to({**events, **changes}, outcome, now)
        self._measure(measures if read else [], seen, events, outcome, now)
        calls = []
        for message in ripe:
            if self.state.messages.get(message.id) is not message or message.status != "waiting":
                continue
            if not read or not seen[message.customer].shows_all(self._end(message.customer, events), now):
                self._timers.set(message.id, now + self._settings.again_ms)
                continue
            call = self._judge.look(message, seen[message.customer], self.state, outcome, now)
            if call is not None:
                calls.append(call)
        return calls

    def _ripe(self, now: int) -> list[Message]:
        """Return due messages, highest priority first, as many as their channels accept."""

        def space(channel: Channel) -> int:
            return room.room(channel, self.state, self._policy, self._calls.under_way[channel.name], now)

        return self._timers.take(now, self.state, space, self._settings.messages_a_turn)

    async def _read_to(self, ends: Mapping[Source, int], outcome: Outcome, now: int) -> bool:
        """Process inputs up to ``ends``. Return False if that takes too long."""
        deadline = self._monotonic() + self._settings.patience_seconds
        while True:
            self._take_inputs(outcome, now)
            if all(self._read.get(source, 0) >= end for source, end in ends.items()):
                return True
            if self._monotonic() > deadline or self._stopping:
                return False
            self._rethrow()
            await asyncio.sleep(_INPUT_SECONDS)

    def _ripe_measures(self, now: int) -> list[str]:
        """Return the ids of the first measures that are due; checked once a second."""
        if self._monotonic() - self._measured < 1:
            return []
        self._measured = self._monotonic()
        return [id for id, one in self.state.measures.items() if one.due <= now][: self._settings.messages_a_turn]

    def _measure(
        self, ids: list[str], seen: Mapping[str, Seen], events: Mapping[Source, int], outcome: Outcome, now: int
    ) -> None:
        """Count customers' purchases, for those whose lanes show all of them."""
        for id in ids:
            if (one := self.state.measures.get(id)) is not None:
                shown = seen[one.customer]
                if shown.shows_all(self._end(one.customer, events), one.due):
                    measure.end(id, shown.customer, self.state, outcome, self._policy.units.minor_per_major)

    def _end(self, id: str, events: Mapping[Source, int]) -> int:
        """Return the end offset of a customer's lane."""
        return events[topics.EVENTS, partition_for(id.encode(), self._lanes)]
