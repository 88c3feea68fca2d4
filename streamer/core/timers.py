"""Passing time: nights of the clusters and dues of the rules, applied to customers as instants in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from models.behaviour.layout import DAY, IntArray
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.behaviour.night import advance
from models.customer.customer import Customer
from models.rules.evaluate import facts
from streamer.core.decision import Decision
from streamer.core.ledger import DefinitionsVersion, Ledger
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick
from streamer.core.transitions import Transitions


def timeline_of(
    ledger: Ledger, models: Mapping[int, ClusterModel], clock_id: str | None
) -> list[tuple[int, ClusterModel]]:
    """The versions by the first day on which they are in force for customers who live by the clock ``clock_id``."""
    timeline: list[tuple[int, ClusterModel]] = []
    first: int | None = None
    # Backwards: an import opened later may be earlier in time than versions it never heard of.
    for entry in reversed(ledger.timeline):
        day = entry.day if clock_id is None else entry.import_days.get(clock_id, entry.day)
        first = day if first is None else min(first, day)
        timeline.append((first, models[entry.version]))
    timeline.reverse()
    return timeline


class Timers:
    """Time within one call of `decide`."""

    def __init__(self, state: LaneState, policy: Policy, decision: Decision, moves: Transitions) -> None:
        self._state = state
        self._ledger = state.ledger
        self._cache = state.cache
        self._policy = policy
        self._grid = policy.grid
        self._decision = decision
        self._transitions = moves
        # Night moves found ahead of time for everybody, waiting for their customer's turn.
        self._nights: dict[str, list[Move]] = {}

    def sweep(self) -> None:
        """Step all residents whose clock has passed a grid point to it, all at once.

        A shortcut only: `pass_time` steps a customer alone to the same place, at fifty times the cost. The moves found
        wait for their customer's turn, since rules may have been due before.
        """
        for clock_id, rows in self._cache.rows_by_clock(self._clocks_on_a_new_day()):
            self._advance_behind(clock_id, rows)

    def _advance(self, clock_id: str | None, rows: IntArray, targets: IntArray) -> None:
        for move in advance(self._cache.memory, rows, targets, timeline_of(self._ledger, self._state.models, clock_id)):
            customer = self._cache.of_row(move.row)
            self._nights.setdefault(customer.id, []).append(move)

    def pass_time(self, customer: Customer, until: int, now: int) -> None:
        """Apply in order all that time alone does to a customer up to ``until``: nights, dues of rules, and new versions
        of the declared segmentations.
        """
        target = self._grid.day_of(until)
        if self._cache.is_behind(customer, target):
            self._advance(
                customer.clock_id, np.array([customer.row], dtype=np.int64), np.array([target], dtype=np.int64)
            )
        nights = self._nights.pop(customer.id, None) if self._nights else None
        behind = self.is_behind(customer)
        if behind and not customer.is_segmentable:
            self._decision.touched[customer.id] = customer
            self._transitions.pass_edit(customer)
            return
        if nights is None:
            if not behind and (customer.due is None or customer.due > until):
                return
            nights = []
        self._decision.touched[customer.id] = customer
        edits = (
            [one for one in self._ledger.definitions_versions if one.version > customer.definitions_version]
            if behind
            else []
        )
        position = 0
        while True:
            night = self._grid.instant(nights[position].day) if position < len(nights) else None
            if edits:
                # What happened until then, happened by the version before.
                at = edits[0].at_for(customer.clock_id)
                if (night is None or night > at) and (customer.due is None or customer.due > at):
                    self._edit(customer, edits.pop(0), nights[position:], now)
                    continue
            if night is not None and (customer.due is None or customer.due >= night):
                self._transitions.night(customer, nights[position], night, now)
                position += 1
            elif customer.due is not None and customer.due <= until:
                before = facts(customer, customer.as_of, self._transitions.definitions_of(customer), self._policy.shop)
                customer.as_of = max(customer.as_of, customer.due)
                self._transitions.assign(customer, before, "time", None, now)
            else:
                return

    def is_behind(self, customer: Customer) -> bool:
        """Whether a version of the declared segmentations is in force that the customer was not yet brought to."""
        if customer.definitions_version == self._transitions.definitions.version:
            return False
        return not customer.is_alias

    def _edit(
        self, customer: Customer, definitions_version: DefinitionsVersion, nights: Sequence[Move], now: int
    ) -> None:
        """Bring the customer to a version; ``nights`` are the moves of clusters that come after it."""
        at = definitions_version.at_for(customer.clock_id)
        timeline = timeline_of(self._ledger, self._state.models, customer.clock_id)
        index = bisect_right([first for first, _ in timeline], self._grid.day_of(at)) - 1
        model = timeline[index][1] if index >= 0 else None
        # The memory may have been stepped beyond that instant already; the next move then says where it was.
        cluster = nights[0].from_id if nights else None
        if not nights and model is not None:
            cluster = timeline[-1][1].id_of(self._cache.memory.segment_code(customer.row))
        self._transitions.edit(
            customer, definitions_version.version, at, 0 if model is None else model.version, cluster, now
        )

    def tick(self, tick: Tick) -> None:
        """Apply time to those who are due by their clock, and to all at a grid point."""
        ledger, cache = self._ledger, self._cache
        if tick.clock is not None:
            ledger.clock = max(ledger.clock, tick.clock)
        now = max(ledger.appended, ledger.clock)
        self.sweep()
        # Somebody may have been erased since it was found to be due.
        due = [customer for id in tick.due if (customer := cache.get(id)) is not None]
        for clock_id in {customer.clock_id for customer in due}:
            held = [customer.row for customer in due if customer.clock_id == clock_id and customer.is_segmentable]
            rows = np.array(held, dtype=np.int64)
            self._advance_behind(clock_id, rows)
        # Also the nights of customers whose records turned out to be repeats or dead letters.
        for id in list(self._nights):
            customer = cache.customers[id]
            last = self._grid.instant(self._nights[id][-1].day)
            self.pass_time(customer, max(last, ledger.clock_of(customer.clock_id)), now)
        # Those just touched may be due already, such as after an old event; nobody else knows yet.
        due.extend(self._decision.touched.values())
        for customer in due:
            clock = ledger.clock_of(customer.clock_id)
            if (customer.due is not None and customer.due <= clock) or self.is_behind(customer):
                self.pass_time(customer, clock, now)

    def _clocks_on_a_new_day(self) -> list[str | None]:
        """The clocks that have passed a grid point since all residents were stepped to it."""
        stepped = self._cache.stepped
        found = []
        for clock_id in self._cache.clock_ids:
            day = self._grid.day_of(self._ledger.clock_of(clock_id))
            if day > stepped.get(clock_id, -1):
                stepped[clock_id] = day
                found.append(clock_id)
            if day > self._state.nights.get(clock_id, -1):
                self._state.nights[clock_id] = day
                self._decision.night = True
        return found

    def _advance_behind(self, clock_id: str | None, rows: IntArray) -> None:
        target = self._grid.day_of(self._ledger.clock_of(clock_id))
        behind = rows[self._cache.memory.matrix[rows, DAY] < target]
        if len(behind):
            self._advance(clock_id, behind, np.full(len(behind), target, dtype=np.int64))
