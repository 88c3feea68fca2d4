"""The pure heart: a batch of a lane's records and the lane's state go in, everything that follows comes out.

No Kafka, no Redis, no wall clock. The live lane, the replay of a file, ``streamer parity`` and the tests all call
`decide`. The outcome does not depend on where batches end: every record is judged against the lane's clock at
its own offset, and time is applied to a customer as instants in order, whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from models.behaviour.layout import DAY, IntArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.night import advance
from models.behaviour.panel import panel_rank, shift_for
from models.customer import Customer, Membership
from models.due import next_moves
from models.judge import Facts, facts
from models.ring import digest
from models.settle import Reason, Shift, settle
from schemas.changes import SAFE_CAUSES, Cause
from schemas.control import (
    REROUTED_HEADER,
    ControlClock,
    ControlImport,
    ControlModel,
)
from schemas.errors import InvalidEvent, InvariantViolation
from schemas.events import Interaction, OrderCompleted, OrderReversed
from schemas.records import LogRecord
from streamer.fold import Folded, fold_interaction, fold_order, fold_reversal, is_duplicate
from streamer.intake import Item
from streamer.ledger import ImportClock, Ledger, ModelEntry, bump
from streamer.outcome import Change, DeadLetter, Onward, Outcome, Trigger
from streamer.policy import Policy
from streamer.residents import Residents

BEHAVIOUR = "behaviour"
_MOVED_BY_INTERACTIONS = frozenset(("interactions", "age_days"))
"""Features that an interaction may move; a late one makes a customer older than thought."""


@dataclass(slots=True)
class LaneState:
    """All that a lane knows. `decide` changes it in place; if its outcome is not committed, throw it away and restore.

    ``nights`` holds for each clock the last day that was seen to begin.
    """

    ledger: Ledger
    residents: Residents
    models: dict[int, ClusterModel] = field(default_factory=dict)
    nights: dict[str | None, int] = field(default_factory=dict)

    @classmethod
    def fresh(cls, partition: int) -> LaneState:
        """The state of a lane that has never run."""
        return cls(Ledger.fresh(partition), Residents(Memory()))


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the clock, after the records: who is due?

    Attributes
    ----------
    clock
        Move the lane's clock up to this instant (ms); None leaves it where the records put it.
    due
        Resident customers whose next due, or next grid point, may have passed.
    """

    clock: int | None = None
    due: Sequence[str] = ()


NO_LOOK = Look()


def decide(items: Iterable[Item], state: LaneState, policy: Policy, look: Look = NO_LOOK) -> Outcome:
    """Apply records in order, then look at the clock.

    Parameters
    ----------
    items
        Consecutive records of one lane, decoded by ``intake.take_in``. Each customer named by an event must be
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
        run.sweep()
        for item in span:
            run.take(item)
    run.look(look)
    return run.finish()


def _spans(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut after every control record: versions and the clocks of imports change there, and only there."""
    span: list[Item] = []
    for item in items:
        span.append(item)
        if item.control is not None:
            yield span
            span = []
    if span:
        yield span


def moves_clock(item: Item, policy: Policy) -> bool:
    """Whether a record's append time moves the lane's clock: not what an import wrote, unless the wall clock counts."""
    return policy.wall or (item.import_id is None and not isinstance(item.control, ControlClock | ControlImport))


class _Run:
    """One call of `decide`: the state it works on and the outcome it builds."""

    def __init__(self, state: LaneState, policy: Policy) -> None:
        self.state = state
        self.ledger = state.ledger
        self.residents = state.residents
        self.policy = policy
        self.shop = policy.shop
        self.grid = policy.grid
        self.outcome = Outcome()
        # Night moves found ahead of time for a whole span, waiting for their customer's turn.
        self.nights: dict[str, list[Move]] = {}
        self.settles_on_interaction = not _MOVED_BY_INTERACTIONS.isdisjoint(policy.definitions.features)

    # -- records ----------------------------------------------------------------------------------------------

    def take(self, item: Item) -> None:
        """Apply one record."""
        record, ledger = item.record, self.ledger
        ledger.consumed += 1
        ledger.next_offset = record.offset + 1
        self._hear(record, item)
        if item.error is not None:
            self._dead(record, "intake", item.error)
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

    def _hear(self, record: LogRecord, item: Item) -> None:
        """Move the lane's clock by append time."""
        ledger = self.ledger
        if record.timestamp > ledger.appended:
            ledger.appended = record.timestamp
        if item.import_id is not None and (opened := ledger.imports.get(item.import_id)) is not None:
            opened.heard = max(opened.heard, record.timestamp)
        if moves_clock(item, self.policy):
            ledger.clock = max(ledger.clock, record.timestamp - self.policy.lateness_ms)

    def _dead(self, record: LogRecord, stage: str, error: InvalidEvent) -> None:
        bump(self.ledger.dead_letters, error.reason)
        self.outcome.dead_letters.append(DeadLetter(record, stage, error.reason, error.message))

    def _reroute(self, item: Item, home: int) -> None:
        record, event = item.record, item.event
        assert event is not None
        headers = [*record.headers, (REROUTED_HEADER, str(record.partition).encode())]
        key = record.key if record.key is not None else event.partition_id().encode()
        self.ledger.rerouted += 1
        self.outcome.onward.append(Onward(home, key, record.value, headers))

    def _event(self, item: Item) -> None:
        event, record, ledger = item.event, item.record, self.ledger
        assert event is not None
        at = event.occurred_at
        if at > record.timestamp + self.policy.early_ms:
            raise InvalidEvent("too_early", "occurred_at lies in the future", "occurred_at")
        if item.import_id is None and at < record.timestamp - self.policy.horizon_ms:
            raise InvalidEvent("too_late", "occurred_at is older than the retention horizon", "occurred_at")
        money = self._money(event)
        source = item.import_id if item.import_id in ledger.imports else None
        name = digest(event.event_id)
        customer = self.residents.get(event.customer_id)
        born = customer is None
        if customer is None:
            customer = self._create(event.customer_id, record, at, source)
        elif is_duplicate(customer, name, event):
            ledger.duplicates += 1
            return
        else:
            # Also up to the clock lived by so far: somebody may have looked there already.
            until = max(ledger.clock_of(customer.source), ledger.clock_of(source), at)
            self._pass_time(customer, until, record.timestamp)
            if customer.source != source:
                self.residents.move_clock(customer, source)
        ledger.applied += 1
        late = at < customer.as_of
        if late:
            ledger.late += 1
        # What is late is judged where the customer stands; nothing ever moves a customer back in time.
        judged_at = max(customer.as_of, at)
        settles = born or self.settles_on_interaction or type(event) is not Interaction
        before = facts(customer, judged_at, self.policy.definitions, self.shop) if settles and not born else None
        folded = self._fold(customer, event, money)
        customer.ring.add(name)
        customer.first_seen = min(customer.first_seen, at)
        customer.last_seen = max(customer.last_seen, at)
        customer.as_of = judged_at
        ledger.orders += folded.orders
        ledger.reversals += folded.reversals
        ledger.revenue_minor += folded.money
        self.outcome.touched[customer.id] = customer
        if settles:
            trigger = Trigger(event.event_id, event.type, record.partition, record.offset)
            cause = self._cause(item.import_id, late)
            self._settle(customer, before, cause, trigger, record.timestamp)

    def _money(self, event: object) -> int | None:
        """Minor units of an order or reversal; raises InvalidEvent for a currency without a rate."""
        # Asked for every event: isinstance of a pydantic model costs ten times a comparison of types.
        if type(event) is Interaction:
            return None
        if isinstance(event, OrderCompleted):
            return self.policy.rates.minor(event.total, event.currency)
        if isinstance(event, OrderReversed):
            return None if event.total is None else self.policy.rates.minor(event.total, event.currency)
        return None

    def _fold(self, customer: Customer, event: object, money: int | None) -> Folded:
        memory = self.residents.memory
        if type(event) is Interaction:
            return fold_interaction(customer, event, self.shop, memory)
        if isinstance(event, OrderCompleted):
            assert money is not None
            return fold_order(customer, event, money, self.policy.rates, self.shop, memory)
        assert isinstance(event, OrderReversed)
        return fold_reversal(customer, event, money, self.shop, memory)

    def _create(self, id: str, record: LogRecord, at: int, source: str | None) -> Customer:
        customer = Customer(id, (record.partition, record.offset), at)
        customer.source = source
        self.residents.admit(customer, self.residents.memory.new_row(self.grid.day_of(at)))
        self.ledger.customers += 1
        self.outcome.born.add(id)
        return customer

    def _cause(self, import_id: str | None, late: bool) -> Cause:
        if import_id is not None and self.policy.label_backfill:
            return "backfill"
        return "late" if late else "event"

    # -- control records --------------------------------------------------------------------------------------

    def _control(self, item: Item) -> None:
        control, record, ledger = item.control, item.record, self.ledger
        if isinstance(control, ControlImport):
            if control.state == "opened":
                ledger.imports.setdefault(control.import_id, ImportClock(None, record.timestamp))
            elif (closed := ledger.imports.pop(control.import_id, None)) is not None:
                ledger.clock = max(ledger.clock, closed.clock or 0)
        elif isinstance(control, ControlClock):
            if control.at > record.timestamp:
                raise InvalidEvent("bad_control", "the clock of an import lies after its own append time", "at")
            if (opened := ledger.imports.get(control.import_id)) is not None:
                opened.clock = max(opened.clock or 0, control.at)
                opened.heard = max(opened.heard, record.timestamp)
        elif isinstance(control, ControlModel):
            self._model(control)
        else:
            raise InvalidEvent("bad_control", "this kind of control record is not known here", "type")

    def _model(self, control: ControlModel) -> None:
        """A new version is in force from the first grid point that no clock has passed at its offset."""
        ledger = self.ledger
        if control.segmentation != BEHAVIOUR:
            raise InvalidEvent("bad_control", "no such cluster segmentation", "segmentation")
        if ledger.timeline and control.version <= ledger.timeline[-1].version:
            return
        try:
            model = ClusterModel.from_dict(control.body)
        except InvariantViolation:
            raise InvalidEvent("bad_control", "the body is no cluster model that can be read", "body") from None
        if model.version != control.version:
            raise InvalidEvent("bad_control", "the body is another version", "version")
        day = self.grid.day_of(ledger.clock) + 1
        imports = {id: self.grid.day_of(opened.clock or 0) + 1 for id, opened in ledger.imports.items()}
        ledger.timeline.append(ModelEntry(control.version, day, imports))
        self.state.models[control.version] = model
        self.outcome.models[control.version] = model

    # -- time -------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Step all residents whose clock has passed a grid point to it, all at once.

        A shortcut only: `_pass_time` steps a customer alone to the same place, at fifty times the cost. The moves found
        wait for their customer's turn, since rules may have been due before.
        """
        for source, rows in self.residents.rows_by_source(self._sources_of_a_new_day()):
            self._advance_behind(source, rows)

    def _advance(self, source: str | None, rows: IntArray, targets: IntArray) -> None:
        for move in advance(self.residents.memory, rows, targets, self._timeline(source)):
            customer = self.residents.of_row(move.row)
            self.nights.setdefault(customer.id, []).append(move)

    def _timeline(self, source: str | None) -> list[tuple[int, ClusterModel]]:
        timeline: list[tuple[int, ClusterModel]] = []
        first: int | None = None
        # Backwards: an import opened later may be earlier in time than versions it never heard of.
        for entry in reversed(self.ledger.timeline):
            day = entry.day if source is None else entry.import_days.get(source, entry.day)
            first = day if first is None else min(first, day)
            timeline.append((first, self.state.models[entry.version]))
        timeline.reverse()
        return timeline

    def _pass_time(self, customer: Customer, until: int, now: int) -> None:
        """Apply in order all that time alone does to a customer up to ``until``: nights and dues of rules."""
        target = self.grid.day_of(until)
        if self.residents.is_behind(customer, target):
            self._advance(customer.source, np.array([customer.row], dtype=np.int64), np.array([target], dtype=np.int64))
        nights = self.nights.pop(customer.id, None) if self.nights else None
        if nights is None:
            if customer.due is None or customer.due > until:
                return
            nights = []
        self.outcome.touched[customer.id] = customer
        definitions = self.policy.definitions
        position = 0
        while True:
            night = self.grid.instant(nights[position].day) if position < len(nights) else None
            if night is not None and (customer.due is None or customer.due >= night):
                self._night_move(customer, nights[position], night, now)
                position += 1
            elif customer.due is not None and customer.due <= until:
                before = facts(customer, customer.as_of, definitions, self.shop)
                customer.as_of = max(customer.as_of, customer.due)
                self._settle(customer, before, "time", None, now)
            else:
                return

    def _night_move(self, customer: Customer, move: Move, at: int, now: int) -> None:
        customer.as_of = max(customer.as_of, at)
        customer.segments[BEHAVIOUR] = Membership(move.to_id, customer.as_of)
        reasons = tuple(Reason(r.feature, r.before, r.after, None, r.share) for r in move.reasons)
        shift = Shift(BEHAVIOUR, move.from_id, move.to_id, reasons)
        self._emit(
            customer,
            shift,
            cast(Cause, move.cause),
            None,
            now,
            "clusters",
            move.version,
            move.confidence,
            None,
            move.features,
        )

    def look(self, look: Look) -> None:
        """Apply time to those who are due by their clock, and to all at a grid point."""
        ledger, residents = self.ledger, self.residents
        if look.clock is not None:
            ledger.clock = max(ledger.clock, look.clock)
        now = max(ledger.appended, ledger.clock)
        self.sweep()
        due = [residents.customers[id] for id in look.due]
        for source in {customer.source for customer in due}:
            rows = np.array([customer.row for customer in due if customer.source == source], dtype=np.int64)
            self._advance_behind(source, rows)
        # Also the nights of customers whose records turned out to be repeats or dead letters.
        for id in list(self.nights):
            customer = residents.customers[id]
            last = self.grid.instant(self.nights[id][-1].day)
            self._pass_time(customer, max(last, ledger.clock_of(customer.source)), now)
        # Those just touched may be due already, such as after an old event; nobody else knows yet.
        due.extend(self.outcome.touched.values())
        for customer in due:
            clock = ledger.clock_of(customer.source)
            if customer.due is not None and customer.due <= clock:
                self._pass_time(customer, clock, now)

    def _sources_of_a_new_day(self) -> list[str | None]:
        """The clocks that have passed a grid point since all residents were stepped to it."""
        stepped = self.residents.stepped
        found = []
        for source in self.residents.sources:
            day = self.grid.day_of(self.ledger.clock_of(source))
            if day > stepped.get(source, -1):
                stepped[source] = day
                found.append(source)
            if day > self.state.nights.get(source, -1):
                self.state.nights[source] = day
                self.outcome.night = True
        return found

    def _advance_behind(self, source: str | None, rows: IntArray) -> None:
        target = self.grid.day_of(self.ledger.clock_of(source))
        behind = rows[self.residents.memory.matrix[rows, DAY] < target]
        if len(behind):
            self._advance(source, behind, np.full(len(behind), target, dtype=np.int64))

    # -- changes ----------------------------------------------------------------------------------------------

    def _settle(
        self, customer: Customer, before: Facts | None, cause: Cause, trigger: Trigger | None, now: int
    ) -> None:
        definitions = self.policy.definitions
        after = facts(customer, customer.as_of, definitions, self.shop)
        shifts = settle(customer, customer.as_of, definitions, self.shop, before, after)
        if not shifts:
            return
        features = {name: value for name, value in after.values.items() if value == value}
        moves = next_moves(customer, [shift.segmentation for shift in shifts], definitions, self.shop)
        for shift in shifts:
            kind, move = definitions.kinds[shift.segmentation], moves.get(shift.segmentation)
            self._emit(customer, shift, cause, trigger, now, kind, definitions.version, None, move, features)

    def _emit(
        self,
        customer: Customer,
        shift: Shift,
        cause: Cause,
        trigger: Trigger | None,
        now: int,
        kind: str,
        version: int,
        confidence: float | None,
        next_move: tuple[str, int] | None,
        features: dict[str, float],
    ) -> None:
        ledger, at = self.ledger, customer.as_of
        customer.seq += 1
        sizes = ledger.sizes.setdefault(shift.segmentation, {})
        if shift.before is not None:
            bump(sizes, shift.before, -1)
        if shift.after is not None:
            bump(sizes, shift.after)
        bump(ledger.changes.setdefault(shift.segmentation, {}), cause)
        self.outcome.changes.append(
            Change(
                customer_id=customer.id,
                born=customer.born,
                seq=customer.seq,
                segmentation=shift.segmentation,
                before=shift.before,
                after=shift.after,
                cause=cause,
                automation_safe=cause in SAFE_CAUSES and abs(now - at) <= self.policy.live_window_ms,
                changed_at=at,
                trigger=trigger,
                kind=kind,
                version=version,
                confidence=confidence,
                next_move=next_move,
                reasons=shift.reasons,
                features=features,
            )
        )

    def finish(self) -> Outcome:
        """Close the outcome: which of the touched customers the model owner hears about."""
        shift = shift_for(self.ledger.customers * self.policy.lanes, self.policy.panel_target)
        for id, customer in self.outcome.touched.items():
            if customer.panel_rank < 0:
                customer.panel_rank = panel_rank(id)
            if customer.panel_rank >= shift:
                self.outcome.panel.append(id)
        self.outcome.panel_shift = shift
        return self.outcome
