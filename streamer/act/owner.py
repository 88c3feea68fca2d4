"""The owner of ``act``: takes changes, events and orders, decides, commits, and only then calls.

One turn is one transaction: what was decided, its state and the offsets it came from. A claim (``message.sending``) is
committed before its call begins, so whatever happens afterwards, a restart knows which calls may have been made
(``docs/adr/0015``). A second owner waits as a group member without partition; a paused one is fenced by its
transactional id.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError

from models.messages import Language
from schemas import topics
from schemas.act import COMMAND_KEY, PlayCommand, decode_command
from schemas.changes import decode_change
from schemas.codec import decode as decode_event
from schemas.errors import InvalidEvent, TransientError, UserError
from schemas.events import CustomerErased, MessageOutcome, SubscriptionUpdated
from schemas.partition import partition_for
from schemas.records import LogRecord
from streamer.act import store
from streamer.act.heart import due as gates
from streamer.act.heart import measure, rates
from streamer.act.heart.commands import command
from streamer.act.heart.moves import finish, later, note
from streamer.act.heart.plan import forget, plan
from streamer.act.heart.settle import Answer, settle
from streamer.act.heart.signals import take_signal
from streamer.act.heart.state import ChannelState, Message, Outcome, State
from streamer.act.links import Links
from streamer.act.plays import declared
from streamer.act.plays.book import Book, Channel
from streamer.act.ports import Customers, Inputs, Journal, Seen, Sender, Source
from streamer.act.render import Rendered, RenderError, render
from streamer.act.timers import Timers
from streamer.lanes.inbox import Inbox
from streamer.lanes.ports import LaneLog, WallClock

log = structlog.get_logger(__name__)

_INPUT_SECONDS = 0.005
# Records of other types are most of the topic, and are not even parsed.
_SIGNALS = (b"subscription.updated", b"message.outcome", b"customer.erased")


@dataclass(frozen=True, slots=True)
class ActSettings:
    """How the owner runs.

    Attributes
    ----------
    messages_a_turn
        Most messages judged in one turn.
    again_ms
        When a message is looked at again whose customer's lane, or the view, is not ready.
    patience_seconds
        How long one turn waits for the inputs to be read to their ends.
    lease_seconds
        A call begins at most this long after its claim: a process that was frozen longer may not be the owner any more.
    stop_seconds
        How long a stopping owner waits for calls under way.
    event_clock
        Whether the lanes' clocks are the time (``STREAMER_CLOCK=event``), instead of the wall clock.
    """

    messages_a_turn: int = 200
    again_ms: int = 500
    patience_seconds: float = 2.0
    lease_seconds: float = 3.0
    stop_seconds: float = 10.0
    event_clock: bool = False
    language: Language = "en"
    control_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    """A call to make once its claim is committed."""

    message: Message
    attempt: int
    channel: Channel
    rendered: Rendered
    address: str


class ActOwner(Inbox):
    """Decides and sends.

    Parameters
    ----------
    act_log
        Consumes and keeps ``streamer.act.v1``.
    senders
        By kind of channel.
    on_turn
        Called after every committed turn with the state and what the turn did.
    monotonic
        Seconds that go on while the process is frozen; the lease is measured by them.
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
        seek: Callable[[int], None] = lambda offset: None,
        on_turn: Callable[[State, Outcome], None] = lambda state, outcome: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("act", seek)
        self.state = State()
        self._log = act_log
        self._inputs = inputs
        self._customers = customers
        self._senders = senders
        self._journal = journal
        self._policy = policy
        self._links = links
        self._lanes = lanes
        self._clock = clock
        self._settings = settings or ActSettings()
        self._on_turn = on_turn
        self._monotonic = monotonic
        self._timers = Timers()
        self._read: dict[Source, int] = {}
        self._fetched: list[tuple[Source, LogRecord | None, int]] = []
        self._answers: list[tuple[str, int, Answer]] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._pump: asyncio.Task[None] | None = None
        self._shop_size = 0
        self._counted = 0.0
        self._measured = 0.0
        self._committed = 0.0
        self._recovered = Outcome()

    # -- life -------------------------------------------------------------------------------------------------

    @property
    def next_offset(self) -> int:
        return self.state.ledger.orders

    @property
    def overdue_ms(self) -> int:
        """How long the message that waits longest is past its time."""
        return self._timers.overdue(self._last)

    async def open(self) -> int:
        """Fence the former owner, restore, and judge the calls that it left under way."""
        await self._log.open()
        state = self.state = State()
        async for chunk in self._log.changelog(0):
            store.restore(((key, value) for _, key, value in chunk), state)
        if not state.ledger.orders:
            state.ledger.orders = await self._log.first_offset()
        starts = {(topics.CHANGES, lane): offset for lane, offset in state.ledger.changes.items()}
        starts.update({(topics.EVENTS, lane): offset for lane, offset in state.ledger.events.items()})
        await self._inputs.open(starts)
        self._read = dict(starts)
        self._recovered = Outcome()
        self._recover(await self._now())
        for message in state.messages.values():
            if message.status == "waiting":
                self._timers.set(message.id, message.due)
        self._journal.forget(message.journal for message in state.messages.values() if message.journal)
        return state.ledger.orders

    def _recover(self, now: int) -> None:
        """Calls of the former owner: made again where the receiver drops repeats, else as its journal says."""
        for message in [one for one in self.state.messages.values() if one.status == "sending"]:
            if self.state.channel(message).keyed:
                settle(message, Answer("not_begun"), self.state, self._recovered, now)
                continue
            begun, answer = self._journal.recall(message.journal, message.id, message.attempt)
            match begun:
                case "never":
                    answer = Answer("not_begun")
                case "begun" | "unknown":
                    answer = Answer("doubt", "the process ended during the call")
                case _:
                    assert answer is not None
            settle(message, answer, self.state, self._recovered, now)

    async def run(self) -> None:
        """Turn after turn until `stop`; raises whatever makes going on impossible; the process must then end."""
        self._pump = asyncio.create_task(self._fetch(), name="act-inputs")
        try:
            while not self._stopping:
                self._rethrow()
                await self._something_to_do(self._timers.seconds_left(await self._now(), 1.0))
                if not self._stopping:
                    await self.turn()
            await self._settle_the_last()
        finally:
            self._pump.cancel()
            for call in self._calls:
                call.cancel()
            await asyncio.gather(self._pump, *self._calls, return_exceptions=True)

    async def _something_to_do(self, seconds: float) -> None:
        """Return when something came, or after ``seconds``."""
        if not (self._fetched or self._answers):
            await self._something_waits(seconds)

    async def calls_ended(self) -> None:
        """Return when all calls under way have ended, or after the time that a stopping owner waits for them."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._settings.stop_seconds)

    async def _settle_the_last(self) -> None:
        """Let calls under way end, and commit how they did; those that take longer are judged by the next owner."""
        await self.calls_ended()
        outcome = Outcome()
        self._take_answers(outcome, await self._now())
        await self._commit(outcome)

    async def close(self) -> None:
        await self._inputs.close()
        await self._log.close()
        for sender in self._senders.values():
            await sender.close()
        self._journal.close()

    async def _fetch(self) -> None:
        """Fetch inputs beside the turns, while few records wait."""
        while True:
            await self.fetch(0.5)
            while len(self._fetched) > 20_000:
                await asyncio.sleep(0.01)

    async def fetch(self, seconds: float) -> None:
        """Take what the inputs have, waiting up to ``seconds`` for something; the next turn decides it."""
        for one in await self._inputs.poll(seconds):
            self._fetched.extend((one.source, record, record.offset + 1) for record in one.records)
            self._fetched.append((one.source, None, one.end))
            self._wake_up()

    def _rethrow(self) -> None:
        if self._pump is not None and self._pump.done() and (error := self._pump.exception()) is not None:
            raise error

    async def _now(self) -> int:
        """The time of this turn (ms), by the clock that customers live by."""
        if not self._settings.event_clock:
            return self._clock.now_ms()
        with contextlib.suppress(TransientError):
            self._event_now = max(self._event_now, await self._customers.clock())
        return self._event_now

    _event_now = 0
    _last = 0

    # -- one turn ---------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Take what came, judge what is due, commit, and begin the calls that were claimed."""
        now = self._last = await self._now()
        outcome, self._recovered = self._recovered, Outcome()
        await self._count_customers()
        self._take_orders(outcome, now)
        self._take_inputs(outcome, now)
        self._take_answers(outcome, now)
        self._set_timers(outcome.messages)
        known = set(outcome.messages)
        calls = await self._judge(outcome, now)
        self._set_timers(outcome.messages - known)
        if self._calls and self._monotonic() - self._committed > self._settings.lease_seconds / 3:
            # Calls may begin only while this process knows that it is the owner; a commit proves it.
            outcome.moved = True
        await self._commit(outcome)
        for call in calls:
            self._begin(call)

    async def _commit(self, outcome: Outcome) -> None:
        if not outcome:
            return
        await self._log.commit(store.writes(outcome, self.state, self._lanes), self.state.ledger.orders)
        self._committed = self._monotonic()
        self._on_turn(self.state, outcome)

    def _set_timers(self, ids: set[str]) -> None:
        for id in ids:
            message = self.state.messages.get(id)
            if message is None or message.status != "waiting":
                self._timers.clear(id)
            else:
                self._timers.set(id, message.due)

    async def _count_customers(self) -> None:
        """How many customers there are, asked once a minute; a storm is a share of them."""
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
            key = record.key or b""
            if key.startswith(COMMAND_KEY) and record.value is not None:
                outcome.done.append(key)
                try:
                    order = decode_command(record.value, record.headers, self._settings.control_key)
                    command(order, self._book_of(order), self.state, outcome, now)
                    log.info("carried out an order", action=order.action, play=order.play)
                except (InvalidEvent, UserError) as error:
                    log.warning("an order cannot be carried out", error=error.message)

    def _book_of(self, order: PlayCommand) -> Book | None:
        if order.action != "start" or order.text is None:
            return None
        segments = {name: None if ids is None else frozenset(ids) for name, ids in order.segments.items()}
        book = declared.load(order.text, self.state.ledger.book + 1, segments, order.templates, order.source)
        if order.play not in book.plays:
            raise UserError(f"{order.source} declares no play {order.play}", "")
        return book

    def _take_inputs(self, outcome: Outcome, now: int) -> None:
        """Take all records that wait, in order within each lane."""
        fetched, self._fetched = self._fetched, []
        ledger = self.state.ledger
        for (topic, lane), record, end in fetched:
            self._read[topic, lane] = end
            if topic == topics.CHANGES:
                ledger.changes[lane] = end
                if record is not None and record.value is not None:
                    plan(decode_change(record.value), self.state, outcome, now, self._shop_size)
            else:
                ledger.events[lane] = end
                if record is not None:
                    self._take_event(record, outcome, now)

    def _take_event(self, record: LogRecord, outcome: Outcome, now: int) -> None:
        if record.value is None:
            forget((record.key or b"").decode(errors="replace"), self.state, outcome, now)
            return
        said = record.value
        if not any(one in said for one in _SIGNALS) and not any(name == "ce_type" for name, _ in record.headers):
            return
        with contextlib.suppress(InvalidEvent):
            event = decode_event(record.key, said, record.headers)
            if isinstance(event, SubscriptionUpdated | MessageOutcome | CustomerErased):
                take_signal(event, self.state, outcome, now)

    def _take_answers(self, outcome: Outcome, now: int) -> None:
        answers, self._answers = self._answers, []
        for id, attempt, answer in answers:
            message = self.state.messages.get(id)
            if message is not None and message.status == "sending" and message.attempt == attempt:
                settle(message, answer, self.state, outcome, now)

    # -- what is due ------------------------------------------------------------------------------------------

    async def _judge(self, outcome: Outcome, now: int) -> list[_Call]:
        """Judge messages whose time has come, after reading every input to its end as it was when asked."""
        ripe, measures = self._ripe(now), self._ripe_measures(now)
        if not ripe and not measures:
            return []
        try:
            events = await self._inputs.ends(topics.EVENTS)
            wanted = [self.state.measures[id].customer for id in measures]
            seen = await self._customers.read([*(message.customer for message in ripe), *wanted])
            changes = await self._inputs.ends(topics.CHANGES)
        except (TransientError, KafkaError) as error:
            log.warning("messages wait: an input cannot be read", error=repr(error))
            seen, events, changes = {}, {}, {}
        read = bool(seen) and await self._read_to({**events, **changes}, outcome, now)
        self._measure(measures if read else [], seen, events, outcome, now)
        calls = []
        for message in ripe:
            if self.state.messages.get(message.id) is not message or message.status != "waiting":
                continue
            if not read or not self._is_ready(seen[message.customer], message.customer, events, now):
                self._timers.set(message.id, now + self._settings.again_ms)
                continue
            call = self._look(message, seen[message.customer], outcome, now)
            if call is not None:
                calls.append(call)
        return calls

    def _ripe(self, now: int) -> list[Message]:
        """Messages whose time has come, highest priority first, as far as their channels take calls."""
        found = [one for id in self._timers.ripe(now) if (one := self.state.messages.get(id)) is not None]
        found.sort(key=lambda one: (-self.state.play(one).priority, one.due, one.id))
        room: dict[str, int] = {}
        taken: list[Message] = []
        for message in found:
            channel = self.state.channel(message)
            left = room.setdefault(channel.name, self._room(channel))
            if len(taken) < self._settings.messages_a_turn and left > 0:
                room[channel.name] = left - 1
                taken.append(message)
        return taken

    def _room(self, channel: Channel) -> int:
        most = self._policy.under_way_keyed if channel.keyed else self._policy.under_way
        return most - self._under_way[channel.name]

    async def _read_to(self, ends: Mapping[Source, int], outcome: Outcome, now: int) -> bool:
        """Take inputs until all before ``ends`` was taken; False where that takes too long."""
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
        """Measures whose time is over, the first ones; looked for once a second."""
        if self._monotonic() - self._measured < 1:
            return []
        self._measured = self._monotonic()
        return [id for id, one in self.state.measures.items() if one.due <= now][: self._settings.messages_a_turn]

    def _measure(
        self, ids: list[str], seen: Mapping[str, Seen], events: Mapping[Source, int], outcome: Outcome, now: int
    ) -> None:
        """Count what customers bought whose lanes show all of it."""
        for id in ids:
            if (one := self.state.measures.get(id)) is not None:
                shown = seen[one.customer]
                if self._is_ready(shown, one.customer, events, one.due):
                    measure.end(id, shown.customer, self.state, outcome, self._policy.units.minor_per_major)

    def _is_ready(self, seen: Seen, id: str, events: Mapping[Source, int], now: int) -> bool:
        """Whether the view shows all that had happened to the customer when it was asked, time itself included."""
        lane = partition_for(id.encode(), self._lanes)
        if seen.next_offset < events[topics.EVENTS, lane]:
            return False
        customer = seen.customer
        return customer is None or customer.due is None or customer.due > now

    def _look(self, message: Message, seen: Seen, outcome: Outcome, now: int) -> _Call | None:
        """Apply the gates to one message; gives the call to make if it passes all of them."""
        state, customer = self.state, seen.customer
        channel = state.channel(message)
        verdict = gates.due(message, customer, state, self._policy, self._under_way[channel.name], now)
        match verdict:
            case gates.Drop(gate, what):
                self._timers.clear(message.id)
                finish(state, outcome, message, now, gate, what)
            case gates.Wait(until, gate):
                if gate == "looked":
                    message.looked = True
                if gate in gates.LASTING:
                    later(outcome, message, until)
                self._timers.set(message.id, until)
            case gates.Withhold():
                self._timers.clear(message.id)
                gates.use_up(message, state, self._policy, customer, now)
                measure.begin(message, True, state, outcome, now)
                state.ledger.plays[message.play].withheld += 1
                state.remove(message)
                outcome.people.add(message.customer)
                note(outcome, "message.withheld", message, now)
            case gates.Send(address):
                self._timers.clear(message.id)
                return self._claim(message, seen, channel, address, outcome, now)
        return None

    def _claim(
        self, message: Message, seen: Seen, channel: Channel, address: str, outcome: Outcome, now: int
    ) -> _Call | None:
        state, book, play = self.state, self.state.books[message.version], self.state.play(message)
        web = book.shop.web if play.kind == "marketing" else ""
        url = self._links.unsubscribe(web, message.customer, play.list, message.id, now)
        try:
            rendered = render(message, play, book, seen.customer, url, self._settings.language)
        except RenderError as error:
            finish(state, outcome, message, now, "render", {"template": str(error)})
            return None
        if not message.claimed:
            gates.use_up(message, state, self._policy, seen.customer, now)
            measure.begin(message, False, state, outcome, now)
        if address:
            state.person(message.customer).address = self._policy.addresses.hash(address)
        outcome.people.add(message.customer)
        message.status, message.attempt = "sending", message.attempt + 1
        message.journal = "" if channel.keyed else self._journal.name
        rates.count(state.ledger.channels.setdefault(channel.name, ChannelState()).windows, channel.rates, now)
        self._under_way[channel.name] += 1
        note(outcome, "message.sending", message, now, attempt=message.attempt)
        return _Call(message, message.attempt, channel, rendered, address)

    # -- calls ------------------------------------------------------------------------------------------------

    def _begin(self, call: _Call) -> None:
        task = asyncio.create_task(self._call(call), name=f"call-{call.message.id}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _owns(self) -> bool:
        """Whether the last commit is so recent that nobody else can be the owner."""
        return not self._stopping and self._monotonic() - self._committed <= self._settings.lease_seconds

    async def _call(self, call: _Call) -> None:
        """Make one call. The journal is written only where a repeat would do harm."""
        id, attempt, keyed = call.message.id, call.attempt, call.channel.keyed
        begun = False

        async def begin() -> bool:
            nonlocal begun
            if not self._owns():
                return False
            if not keyed:
                await self._journal.begin(id, attempt)
            begun = self._owns()
            return begun

        try:
            sender = self._senders[call.channel.kind]
            answer = await sender.send(call.channel, call.message, call.rendered, call.address, begin)
            if begun and not keyed:
                await self._journal.answered(id, attempt, answer)
        except asyncio.CancelledError:
            answer = Answer("doubt" if begun else "not_begun", "the process was stopped during the call")
        except Exception as error:  # a mistake in a channel must not stop the others
            log.error("a channel failed", channel=call.channel.name, error=repr(error), exc_info=error)
            answer = Answer("doubt" if begun else "retry", repr(error)[:200], channel_down=True)
        self._under_way[call.channel.name] -= 1
        self._answers.append((id, attempt, answer))
        self._wake_up()
