"""Two ids that are one person: ``identity.linked`` in the lane of the anonymous id, ``control.merge`` in the other's.

The lane of the anonymous id ends its memberships, leaves an alias in place of the state, and writes the statistics as a
control record into the lane of the known id, all in one transaction. Later records of the old id are written on under
the new one. A merge that the other lane cannot take comes back, and the alias goes.
"""

from __future__ import annotations

from collections.abc import Callable

from models.customer import merging
from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.merging import Handover
from models.customer.profile import Profile
from models.rules.evaluate import facts
from schemas.control import ALIAS_HEADER, REROUTED_HEADER, ControlMerge, control_headers, encode_control
from schemas.errors import InvalidEvent
from schemas.events import IdentityLinked
from schemas.ids import is_nobody
from schemas.partition import partition_for
from schemas.records import LogRecord
from streamer.core.decision import Decision, Rerouted, Trigger, trigger_of
from streamer.core.decode import DecodedRecord
from streamer.core.erasure import Erasure
from streamer.core.policy import Policy
from streamer.core.profiles import Consents, later_consent, profile_of
from streamer.core.state import LaneState
from streamer.core.timers import Timers
from streamer.core.transitions import Transitions

Create = Callable[[str, LogRecord, int, str | None], Customer]


class Identity:
    """Joins ids. ``create`` makes a new resident customer."""

    def __init__(
        self,
        state: LaneState,
        policy: Policy,
        decision: Decision,
        moves: Transitions,
        timers: Timers,
        erasure: Erasure,
        consents: Consents,
        create: Create,
    ) -> None:
        self._ledger = state.ledger
        self._cache = state.cache
        self._policy = policy
        self._decision = decision
        self._transitions = moves
        self._timers = timers
        self._erasure = erasure
        self._consents = consents
        self._create = create

    # -- the lane of the old id -------------------------------------------------------------------------------

    def check(self, event: IdentityLinked, customer: Customer | None) -> bool:
        """Whether a link is new. Raises InvalidEvent where it must not be made."""
        old, new = event.anonymous_id, event.customer_id
        if old == new:
            raise InvalidEvent("invalid_field", "an id cannot be joined to itself", "anonymous_id")
        for name, id in (("anonymous_id", old), ("customer_id", new)):
            if is_nobody(id, self._policy.nobody):
                raise InvalidEvent("invalid_field", f"{name} stands for nobody", name)
        profile = None if customer is None else customer.profile
        if profile is None:
            return True
        if profile.alias is not None:
            if profile.alias != new:
                raise InvalidEvent("invalid_field", "the id is joined to another customer already", "anonymous_id")
            return False
        if new in profile.aliases:
            raise InvalidEvent("invalid_field", "the customer is joined to this id: a cycle", "customer_id")
        if profile.aliases and not self._policy.merge_known:
            raise InvalidEvent(
                "invalid_field", "both ids are known customers (STREAMER_MERGE_KNOWN would join them)", "anonymous_id"
            )
        return True

    def link(
        self, customer: Customer, event: IdentityLinked, trigger: Trigger, import_id: str | None, now: int
    ) -> None:
        """Hand a customer over to the other id; time was applied to it before."""
        memory = self._cache.memory
        behaviour = memory.dump(customer.row) if customer.is_segmentable else None
        statistics, ids, orders = merging.hand_over(customer, behaviour, event.event_id, event.occurred_at, import_id)
        self._transitions.end_all(customer, "merge", trigger, now)
        self._erasure.drop(customer)
        self._ledger.customers -= 1
        alias = Customer(customer.id, (0, 0), 0)
        alias.profile, alias.profile_dirty = Profile(alias=event.customer_id), True
        self._cache.load(alias, -1)
        self._decision.touched[alias.id] = alias
        self._send(customer.id, event.customer_id, statistics, ids, orders)

    def _send(self, old: str, new: str, statistics: object, ids: object, orders: object) -> None:
        control = ControlMerge.model_validate(
            {"from": old, "to": new, "statistics": statistics, "event_ids": tuple(ids), "orders": tuple(orders)}  # type: ignore[arg-type]
        )
        value = encode_control(control)
        lane = partition_for(new.encode(), self._policy.lanes)
        self._decision.rerouted.append(Rerouted(lane, None, value, control_headers(value)))

    def forward(self, item: DecodedRecord, alias: str) -> None:
        """Write a record of an old id on under the new one."""
        event, record = item.event, item.record
        assert event is not None
        old = item.alias or event.customer_id
        self._ledger.rerouted += 1
        self._rerouted(record, alias, [(ALIAS_HEADER, old.encode())])

    def stray(self, item: DecodedRecord, customer: Customer | None) -> bool:
        """Send a record that came by an alias back to its own lane, if the customer does not know that alias."""
        if customer is not None and customer.is_alias:
            return False
        if item.alias is None or (
            customer is not None and customer.profile is not None and item.alias in customer.profile.aliases
        ):
            return False
        self._ledger.rerouted += 1
        self._rerouted(item.record, item.alias, [])
        return True

    def _rerouted(self, record: LogRecord, key: str, more: list[tuple[str, bytes]]) -> None:
        headers = [header for header in record.headers if header[0] not in (REROUTED_HEADER, ALIAS_HEADER)]
        lane = partition_for(key.encode(), self._policy.lanes)
        self._decision.rerouted.append(Rerouted(lane, key.encode(), record.value, [*headers, *more]))

    # -- the lane of the new id -------------------------------------------------------------------------------

    def merge(self, control: ControlMerge, record: LogRecord) -> None:
        """Take in what another id hands over: at most one change per segmentation, cause ``merge``."""
        try:
            handover = merging.read(control.statistics, list(control.orders))
        except ValueError:
            raise InvalidEvent("bad_control", "the statistics cannot be read", "statistics") from None
        old, new, now = control.from_id, control.to_id, record.timestamp
        customer = self._cache.get(new)
        if customer is not None and customer.is_alias:
            assert customer.profile is not None and customer.profile.alias is not None
            target = customer.profile.alias
            # It came back, or two ids were joined to each other at once: of those the smaller one stays.
            if old != new and not (target == old and new < old):
                self._send(old, target, control.statistics, control.event_ids, control.orders)
                return
            self._erasure.drop(customer)
            customer = None
        at = max(handover.at, handover.last_seen)
        clock_id = handover.import_id if handover.import_id in self._ledger.imports else None
        before = None
        if customer is None:
            erased = self._erasure.since(new, now)
            if erased is not None and handover.at <= erased:
                self._decision.rerouted.append(
                    self._erasure.follow(old, erased, f"erase-{record.partition}-{record.offset}", self._policy.lanes)
                )
                return
            customer = self._create(new, record, at, clock_id)
        else:
            if old in profile_of(customer).aliases:
                return
            self._timers.pass_time(
                customer, max(self._ledger.clock_of(customer.clock_id), self._ledger.clock_of(clock_id), at), now
            )
            if self._is_full(customer, handover) and old != new:
                self._send(old, old, control.statistics, control.event_ids, control.orders)
                return
            if customer.clock_id != clock_id:
                self._cache.move_clock(customer, clock_id)
            if customer.is_segmentable:
                before = facts(customer, max(customer.as_of, at), self._transitions.definitions, self._policy.shop)
        customer.as_of = max(customer.as_of, at)
        self._decision.touched[new] = customer
        trigger = trigger_of(handover.event_id, "identity.linked", record)
        self._absorb(customer, old, handover, trigger, now)
        merging.take_events(customer, [*control.event_ids, int.from_bytes(digest(handover.event_id), "big")])
        if customer.is_segmentable:
            self._transitions.assign(customer, before, "merge", trigger, now)

    def _is_full(self, customer: Customer, handover: Handover) -> bool:
        more = 1 + (len(handover.profile.aliases) if handover.profile is not None else 0)
        return len(profile_of(customer).aliases) + more > self._policy.merge_limit

    def _absorb(self, customer: Customer, old: str, handover: Handover, trigger: Trigger, now: int) -> None:
        profile, other = profile_of(customer), handover.profile or Profile()
        if old != customer.id:
            profile.aliases = sorted({*profile.aliases, old, *other.aliases} - {customer.id})
        profile.consent = later_consent(profile.consent, other.consent)
        since = [at for at in (profile.since, other.since) if at is not None]
        profile.since = max(since) if since else None
        allowed = self._policy.consent_default if profile.consent is None else profile.consent.personalization
        self._consents.bring(customer, allowed, handover.first_seen, trigger, now)
        if allowed:
            merging.take_over(customer, profile, handover, self._policy.shop.half_life)
            if handover.behaviour is not None:
                self._cache.memory.merge(customer.row, handover.behaviour)
