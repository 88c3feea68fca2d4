"""The pure heart: a batch of a lane's records and the lane's state go in, everything that follows comes out.

No Kafka, no Redis, no wall clock. The live lane, the replay of a file, ``streamer parity`` and the tests all call
`decide`. The outcome does not depend on where batches end: every record is judged against the lane's clock at
its own offset, and time is applied to a customer as instants in order, whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.rules.evaluate import facts, moved_by_interactions
from schemas.arrivals import Interaction, OrderCompleted, OrderReversed
from schemas.changes import Cause
from schemas.control import REROUTED_HEADER, ControlDefinitions, ControlMerge
from schemas.errors import InvalidEvent
from schemas.events import ConsentUpdated, CustomerErased, IdentityLinked, ProfileUpdated
from schemas.ids import is_nobody
from schemas.records import LogRecord
from schemas.wire_time import EARLIEST_MS
from streamer.core.controls import Controls
from streamer.core.decision import DeadLetter, Decision, Rerouted, trigger_of
from streamer.core.decode import DecodedRecord
from streamer.core.erasure import Erasure
from streamer.core.fold import NOTHING_BOOKED, Folded, fold_interaction, fold_order, fold_reversal, is_duplicate
from streamer.core.identity import Identity
from streamer.core.ledger import bump
from streamer.core.panel import Panel
from streamer.core.policy import Policy
from streamer.core.profiles import Consents, fold_profile, profile_of
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.core.timers import Timers
from streamer.core.transitions import Transitions


def decide(items: Iterable[DecodedRecord], state: LaneState, policy: Policy, tick: Tick = NO_TICK) -> Decision:
    """Apply records in order, then look at the clock.

    Parameters
    ----------
    items
        Consecutive records of one lane, decoded by ``intake.decode_records``. Each customer named by an event must be
        resident unless it has no state at all.
    state
        Changed in place.

    Returns
    -------
    Outcome
        States to write, changes, dead letters, records for other lanes, panel customers.
    """
    run = _Run(state, policy)
    for span in _spans(items):
        run.timers.sweep()
        for item in span:
            run.take(item)
        run.tell()
    run.timers.tick(tick)
    return run.finish()


def _spans(items: Iterable[DecodedRecord]) -> Iterator[list[DecodedRecord]]:
    """Cut after every control record: versions and the clocks of imports change there, and only there."""
    span: list[DecodedRecord] = []
    for item in items:
        span.append(item)
        if item.control is not None:
            yield span
            span = []
    if span:
        yield span


def moves_clock(item: DecodedRecord, policy: Policy) -> bool:
    """Whether a record's append time moves the lane's clock.

    Where the wall clock counts, every record's does; else neither what an import wrote nor what the service wrote, so
    that old data is judged by its own time alone.
    """
    return policy.wall or (item.import_id is None and item.control is None)


class _Run:
    """One call of `decide`: the state it works on and the outcome it builds."""

    def __init__(self, state: LaneState, policy: Policy) -> None:
        self.state = state
        self.ledger = state.ledger
        self.cache = state.cache
        self.policy = policy
        self.shop = policy.shop
        self.grid = policy.grid
        self.decision = Decision()
        self.moves = Transitions(state, policy, self.decision)
        self.timers = Timers(state, policy, self.decision, self.moves)
        self.panel = Panel(state, policy, self.decision)
        self.controls = Controls(state, policy, self.decision)
        self.active: dict[str, Customer] = {}
        self.told: set[str] = set()
        self.erasure = Erasure(state, self.decision, self.moves, self.panel)
        self.consents = Consents(state, policy, self.moves, self.panel)
        self.identity = Identity(
            state, policy, self.decision, self.moves, self.timers, self.erasure, self.consents, self._create
        )
        self._adopt()

    def _adopt(self) -> None:
        """Take up the definitions that are in force now."""
        definitions = self.definitions = self.moves.definitions = self.state.in_force(self.policy)
        self.settles_on_interaction = moved_by_interactions(definitions)

    # -- records ----------------------------------------------------------------------------------------------

    def take(self, item: DecodedRecord) -> None:
        """Apply one record."""
        record, ledger = item.record, self.ledger
        ledger.consumed += item.count
        ledger.next_offset = record.offset + 1
        self._hear(record, item)
        if item.error is not None:
            self._dead(record, "intake", item.error, item.count)
        elif item.control is not None:
            try:
                self._control(item)
                bump(ledger.control, item.control.type)
            except InvalidEvent as error:
                self._dead(record, "control", error)
        elif item.home is not None:
            self._reroute(item, item.home)
        else:
            try:
                self._event(item)
            except InvalidEvent as error:
                self._dead(record, "decide", error)

    def _hear(self, record: LogRecord, item: DecodedRecord) -> None:
        """Move the lane's clock by append time."""
        ledger = self.ledger
        if record.timestamp > ledger.appended:
            ledger.appended = record.timestamp
        if item.import_id is not None and (opened := ledger.imports.get(item.import_id)) is not None:
            opened.heard = max(opened.heard, record.timestamp)
        if moves_clock(item, self.policy):
            ledger.clock = max(ledger.clock, record.timestamp - self.policy.lateness_ms)

    def _dead(self, record: LogRecord, stage: str, error: InvalidEvent, count: int = 1) -> None:
        bump(self.ledger.dead_letters, error.reason, count)
        self.decision.dead_letters.append(DeadLetter(record, stage, error.reason, error.message))

    def _reroute(self, item: DecodedRecord, home: int) -> None:
        record, event = item.record, item.event
        assert event is not None
        headers = [*record.headers, (REROUTED_HEADER, str(record.partition).encode())]
        key = record.key if record.key is not None and record.key.isascii() else event.partition_id().encode()
        self.ledger.rerouted += 1
        self.decision.rerouted.append(Rerouted(home, key, record.value, headers))

    def _event(self, item: DecodedRecord) -> None:
        event, record, ledger = item.event, item.record, self.ledger
        assert event is not None
        at = event.occurred_at
        if at < EARLIEST_MS:
            raise InvalidEvent("bad_date", "occurred_at lies before 1990", "occurred_at")
        if at > record.timestamp + self.policy.early_ms:
            raise InvalidEvent("too_early", "occurred_at lies in the future", "occurred_at")
        if item.import_id is None and at < record.timestamp - self.policy.horizon_ms:
            raise InvalidEvent("too_late", "occurred_at is older than the retention horizon", "occurred_at")
        money = self._money(event)
        clock_id = item.import_id if item.import_id in ledger.imports else None
        name = digest(event.event_id)
        customer = self.cache.get(event.customer_id)
        born = customer is None
        if type(event) is CustomerErased:
            self._erase(event, customer, record)
            return
        if type(event) is IdentityLinked:
            self._link(event, item)
            return
        if item.alias is not None and self.identity.stray(item, customer):
            return
        if customer is None:
            if is_nobody(event.customer_id, self.policy.nobody):
                raise InvalidEvent("nobody", "customer_id is a placeholder that stands for no customer", "customer_id")
            erased = self.erasure.since(event.customer_id, record.timestamp)
            if erased is not None and at <= erased:
                ledger.duplicates += 1
                return
            customer = self._create(event.customer_id, record, at, clock_id)
            if erased is not None:
                profile_of(customer).erased = erased
        elif customer.profile is not None and customer.profile.alias is not None:
            self.identity.forward(item, customer.profile.alias)
            return
        elif is_duplicate(customer, name, event) or (customer.profile is not None and customer.profile.was_erased(at)):
            ledger.duplicates += 1
            return
        else:
            # Also up to the clock lived by so far: somebody may have looked there already.
            until = max(ledger.clock_of(clock_id), at)
            if customer.clock_id != clock_id:
                until = max(until, ledger.clock_of(customer.clock_id))
            self.timers.pass_time(customer, until, record.timestamp)
            if customer.clock_id != clock_id:
                self.cache.move_clock(customer, clock_id)
        ledger.applied += 1
        late = at < customer.as_of
        if late:
            ledger.late += 1
        # What is late is judged where the customer stands; nothing ever moves a customer back in time.
        judged_at = max(customer.as_of, at)
        self.decision.touched[customer.id] = self.active[customer.id] = customer
        customer.dedupe_window.add(name)
        if type(event) is ConsentUpdated:
            customer.as_of = judged_at
            trigger = trigger_of(event.event_id, event.type, record)
            self.consents.take(customer, event, born, trigger, record.timestamp)
            return
        if not customer.is_segmentable or (customer.profile is not None and customer.profile.leaves_out(at)):
            # Without consent nothing is kept of an event but that it came.
            customer.as_of = judged_at
            return
        assigns = born or self.settles_on_interaction or not isinstance(event, Interaction)
        before = facts(customer, judged_at, self.definitions, self.shop) if assigns and not born else None
        folded = self._fold(customer, event, money)
        customer.first_seen = min(customer.first_seen, at)
        customer.last_seen = max(customer.last_seen, at)
        customer.as_of = judged_at
        ledger.orders += folded.orders
        ledger.reversals += folded.reversals
        ledger.revenue_minor += folded.money
        if assigns:
            trigger = trigger_of(event.event_id, event.type, record)
            cause = self._cause(item.import_id, late, "profile" if type(event) is ProfileUpdated else "event")
            self.moves.assign(customer, before, cause, trigger, record.timestamp)

    def _link(self, event: IdentityLinked, item: DecodedRecord) -> None:
        """Hand the customer of the anonymous id over to the known one."""
        record, at, now, ledger = item.record, event.occurred_at, item.record.timestamp, self.ledger
        customer = self.cache.get(event.anonymous_id)
        new = self.identity.check(event, customer)
        erased = self.erasure.since(event.anonymous_id, now)
        if (
            not new
            or (erased is not None and at <= erased)
            or (customer is not None and is_duplicate(customer, digest(event.event_id), event))
        ):
            ledger.duplicates += 1
            return
        ledger.applied += 1
        clock_id = item.import_id if item.import_id in ledger.imports else None
        if customer is None:
            customer = self._create(event.anonymous_id, record, at, clock_id)
        else:
            self.timers.pass_time(customer, max(ledger.clock_of(customer.clock_id), ledger.clock_of(clock_id), at), now)
            ledger.late += at < customer.as_of
        customer.as_of = max(customer.as_of, at)
        trigger = trigger_of(event.event_id, event.type, record)
        self.identity.link(customer, event, trigger, item.import_id, now)
        self.active.pop(customer.id, None)

    def _erase(self, event: CustomerErased, customer: Customer | None, record: LogRecord) -> None:
        """Erase a customer, unless the lane knows of a later erase."""
        at, now = event.occurred_at, record.timestamp
        erased = self.erasure.since(event.customer_id, now)
        if erased is not None and at <= erased:
            self.ledger.duplicates += 1
            return
        self.ledger.applied += 1
        if customer is None:
            self.erasure.remember(event.customer_id, at, now)
            return
        profile = customer.profile
        if profile is not None and profile.alias is not None:
            # The person is erased, under whatever id.
            self.erasure.remember(customer.id, at, now)
            self.erasure.drop(customer)
            self.decision.rerouted.append(self.erasure.follow(profile.alias, at, event.event_id, self.policy.lanes))
            return
        self.timers.pass_time(customer, max(self.ledger.clock_of(customer.clock_id), at), now)
        self.ledger.late += at < customer.as_of
        customer.as_of = max(customer.as_of, at)
        trigger = trigger_of(event.event_id, event.type, record)
        self.erasure.erase(customer, at, trigger, now)
        self.ledger.customers -= 1
        self.active.pop(customer.id, None)
        for alias in profile.aliases if profile is not None else ():
            until = max(at, customer.last_seen)
            self.decision.rerouted.append(self.erasure.follow(alias, until, event.event_id, self.policy.lanes))

    def _money(self, event: object) -> int | None:
        """Minor units of an order or reversal; raises InvalidEvent for a currency without a rate."""
        if isinstance(event, Interaction):
            return None
        if isinstance(event, OrderCompleted):
            return self.policy.rates.minor(event.total, event.currency)
        if isinstance(event, OrderReversed):
            return None if event.total is None else self.policy.rates.minor(event.total, event.currency)
        return None

    def _fold(self, customer: Customer, event: object, money: int | None) -> Folded:
        memory = self.cache.memory
        if isinstance(event, Interaction):
            return fold_interaction(customer, event, self.shop, memory)
        if isinstance(event, OrderCompleted):
            assert money is not None
            return fold_order(customer, event, money, self.policy.rates, self.shop, memory)
        if isinstance(event, OrderReversed):
            return fold_reversal(customer, event, money, self.shop, memory)
        fold_profile(customer, event, self.shop)
        return NOTHING_BOOKED

    def _create(self, id: str, record: LogRecord, at: int, clock_id: str | None) -> Customer:
        customer = Customer(id, (record.partition, record.offset), at)
        customer.clock_id = clock_id
        customer.definitions_version = self.definitions.version
        row = self.cache.memory.new_row(self.grid.day_of(at)) if self.policy.consent_default else -1
        self.cache.load(customer, row)
        self.ledger.customers += 1
        self.decision.born.add(id)
        return customer

    def _cause(self, import_id: str | None, late: bool, own: Cause) -> Cause:
        if import_id is not None and self.policy.label_backfill:
            return "backfill"
        return "late" if late else own

    def _control(self, item: DecodedRecord) -> None:
        control, record = item.control, item.record
        if isinstance(control, ControlMerge):
            self.identity.merge(control, record)
            customer = self.cache.get(control.to_id)
            if customer is not None:
                self.active[customer.id] = customer
        elif control is not None:
            self.controls.take(control, record)
            if isinstance(control, ControlDefinitions):
                self._adopt()

    def tell(self) -> None:
        """Let the model owner hear of the customers that did something in a span."""
        self.panel.tell(self.active.values())
        self.told |= self.active.keys()
        self.active.clear()

    def finish(self) -> Decision:
        """Close the outcome: the model owner hears also of those whom time alone touched."""
        self.panel.tell(customer for id, customer in self.decision.touched.items() if id not in self.told)
        if self.decision.night and self.state.erased:
            self.erasure.forget_the_oldest()
        return self.decision
