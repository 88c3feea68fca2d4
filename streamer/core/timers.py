"""Timers: apply daily cluster steps, rule dues and new definitions to customers in order of time."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping

import numpy as np

from models.behaviour.daily_step import advance
from models.behaviour.layout import DAY, IntArray
from models.behaviour.model import ClusterModel
from models.behaviour.moves import Move
from models.customer.customer import Customer
from models.rules.evaluate import facts
from streamer.core import transitions
from streamer.core.context import Context
from streamer.core.ledger import DefinitionsVersion, Ledger
from streamer.core.state import Tick

_NEVER = 1 << 63
"""Later than every instant."""


def timeline_of(
    ledger: Ledger, models: Mapping[int, ClusterModel], clock_id: str | None
) -> list[tuple[int, ClusterModel]]:
    """Return the versions in force for customers on the clock ``clock_id``, each with its first day in force."""
    timeline: list[tuple[int, ClusterModel]] = []
    first: int | None = None
    # In reverse: an import opened later may start before versions that it did not know.
    for entry in reversed(ledger.timeline):
        day = entry.day if clock_id is None else entry.import_days.get(clock_id, entry.day)
        first = day if first is None else min(first, day)
        timeline.append((first, models[entry.version]))
    timeline.reverse()
    return timeline


# -- daily steps of all customers -----------------------------------------------------------------------------


def run_daily_steps(context: Context) -> None:
    """Step all cached customers whose clock has passed a grid point, in one call.

    This is only an optimization: `pass_time` steps a single customer to the same result at fifty times the cost. Moves
    wait for their customer's turn, because rules may have been due before them.
    """
    for clock_id, rows in context.cache.rows_by_clock(_clocks_on_a_new_day(context)):
        _step_behind(context, clock_id, rows)


def _clocks_on_a_new_day(context: Context) -> list[str | None]:
    """Return the clocks that have passed a grid point since all cached customers were last stepped."""
    stepped, days = context.cache.stepped, context.state.days
    found = []
    for clock_id in context.cache.clock_ids:
        day = context.grid.day_of(context.ledger.clock_of(clock_id))
        if day > stepped.get(clock_id, -1):
            stepped[clock_id] = day
            found.append(clock_id)
        if day > days.get(clock_id, -1):
            days[clock_id] = day
            context.decision.new_day = True
    return found


def _step_behind(context: Context, clock_id: str | None, rows: IntArray) -> None:
    target = context.grid.day_of(context.ledger.clock_of(clock_id))
    behind = rows[context.cache.memory.matrix[rows, DAY] < target]
    if len(behind):
        _step(context, clock_id, behind, np.full(len(behind), target, dtype=np.int64))


def _step(context: Context, clock_id: str | None, rows: IntArray, targets: IntArray) -> None:
    timeline = timeline_of(context.ledger, context.state.models, clock_id)
    if context.forecasts is not None:
        customers = [context.cache.of_row(row) for row in rows.tolist()]
        starts = context.cache.memory.matrix[rows, DAY].astype(np.int64)
        for id, days in context.forecasts.nights(customers, clock_id, starts, targets).items():
            context.nights.setdefault(id, []).extend(days)
    for move in advance(context.cache.memory, rows, targets, timeline):
        customer = context.cache.of_row(move.row)
        context.pending.setdefault(customer.id, []).append(move)


# -- one customer ---------------------------------------------------------------------------------------------


def pass_time_to(context: Context, customer: Customer, at: int, clock_id: str | None, now: int) -> None:
    """Apply time to a customer up to a record at ``at`` (ms), and move the customer to the record's clock.

    Time also passes up to the customer's previous clock, since a tick may have applied that already.
    """
    ledger = context.ledger
    clock = ledger.clock_of(clock_id)
    until = clock if clock > at else at
    if customer.clock_id == clock_id:
        pass_time(context, customer, until, now)
    else:
        pass_time(context, customer, max(until, ledger.clock_of(customer.clock_id)), now)
        context.cache.move_clock(customer, clock_id)


def pass_time(context: Context, customer: Customer, until: int, now: int) -> None:
    """Apply in order everything that time alone does to a customer up to ``until`` (ms).

    These are cluster moves, rule dues, and new versions of the declared segmentations.
    """
    target = context.grid.day_of(until)
    if context.cache.is_behind(customer, target):
        rows, targets = np.array([customer.row], dtype=np.int64), np.array([target], dtype=np.int64)
        _step(context, customer.clock_id, rows, targets)
    moves = context.pending.pop(customer.id, None) if context.pending else None
    nights = context.nights.pop(customer.id, None) if context.nights else None
    edits: list[DefinitionsVersion] = []
    if customer.definitions_version != context.definitions.version and not customer.is_alias:
        # The customer has not been brought to the version of the declared segmentations now in force.
        if not customer.is_segmentable:
            context.decision.touched[customer.id] = customer
            transitions.skip_definitions(context, customer)
            return
        versions = context.ledger.definitions_versions
        edits = [one for one in versions if one.version > customer.definitions_version]
    elif moves is None and (customer.due is None or customer.due > until):
        if nights is not None:
            # Most nights change nothing, and then nothing is written.
            _apply_in_order(context, customer, deque(), deque(nights), deque(), until, now)
        return
    context.decision.touched[customer.id] = customer
    _apply_in_order(context, customer, deque(moves or ()), deque(nights or ()), deque(edits), until, now)


def _apply_in_order(
    context: Context,
    customer: Customer,
    moves: deque[Move],
    nights: deque[int],
    edits: deque[DefinitionsVersion],
    until: int,
    now: int,
) -> None:
    """Apply the earliest item until none is left.

    At the same instant the order is: cluster move, night, due, edit. Everything up to an edit
    happened under the version before it.
    """
    while True:
        due = _NEVER if customer.due is None else customer.due
        step = context.grid.instant(moves[0].day) if moves else _NEVER
        night = context.grid.instant(nights[0]) if nights else _NEVER
        if edits and min(step, night, due) > edits[0].at_for(customer.clock_id):
            _edit(context, customer, edits.popleft(), moves, now)
        elif moves and step <= min(night, due):
            transitions.apply_cluster_move(context, customer, moves.popleft(), step, now)
        elif nights and night <= due:
            transitions.apply_night(context, customer, nights.popleft(), now)
        elif due <= until:
            before = facts(customer, customer.as_of, transitions.definitions_of(context, customer), context.shop)
            customer.as_of = max(customer.as_of, due)
            transitions.assign(context, customer, before, "time", None, now)
        else:
            return


def _edit(context: Context, customer: Customer, edit: DefinitionsVersion, moves: deque[Move], now: int) -> None:
    """Bring the customer to a version; ``moves`` are the cluster moves after it."""
    at = edit.at_for(customer.clock_id)
    timeline = timeline_of(context.ledger, context.state.models, customer.clock_id)
    index = bisect_right([first for first, _ in timeline], context.grid.day_of(at)) - 1
    model = timeline[index][1] if index >= 0 else None
    # The memory may have been stepped past that instant already; then the next move holds the earlier cluster.
    cluster = moves[0].from_id if moves else None
    if not moves and model is not None:
        cluster = timeline[-1][1].id_of(context.cache.memory.segment_code(customer.row))
    version = 0 if model is None else model.version
    transitions.apply_definitions(context, customer, edit.version, at, version, cluster, now)


def apply_late_nights(context: Context, now: int) -> None:
    """Apply the nights scheduled by a late record before anything else.

    They may lie beyond the customer's own clock. If they waited, another late record or a new prediction version
    could change them, depending on where the batch ends.
    """
    while context.late:
        customer = context.late.pop()
        days = context.nights.get(customer.id)
        if days and customer.is_segmentable:
            last, clock = context.grid.instant(days[-1]), context.ledger.clock_of(customer.clock_id)
            pass_time(context, customer, max(last, clock), now)


def _finish_nights(context: Context, now: int) -> None:
    """Apply pending nights, including those of customers whose records turned out to be duplicates or dead letters."""
    found = [(id, moves[-1].day) for id, moves in context.pending.items()]
    found += [(id, days[-1]) for id, days in context.nights.items()]
    for id, day in found:
        customer = context.cache.customers[id]
        last, clock = context.grid.instant(day), context.ledger.clock_of(customer.clock_id)
        pass_time(context, customer, max(last, clock), now)


# -- the tick ---------------------------------------------------------------------------------------


def tick(context: Context, tick: Tick) -> None:
    """Apply time to the customers due by their clock, and to all customers at a grid point."""
    ledger, cache = context.ledger, context.cache
    if tick.clock is not None:
        ledger.clock = max(ledger.clock, tick.clock)
    now = max(ledger.appended, ledger.clock)
    run_daily_steps(context)
    # A customer may have been erased after it was found due.
    due = [customer for id in tick.due if (customer := cache.get(id)) is not None]
    for clock_id in {customer.clock_id for customer in due}:
        rows = [customer.row for customer in due if customer.clock_id == clock_id and customer.is_segmentable]
        _step_behind(context, clock_id, np.array(rows, dtype=np.int64))
    _finish_nights(context, now)
    # Customers just touched may be due already, for example after an old event; no due index has them yet.
    due.extend(context.decision.touched.values())
    newest = context.definitions.version
    for customer in due:
        clock = ledger.clock_of(customer.clock_id)
        is_due = customer.due is not None and customer.due <= clock
        if is_due or (customer.definitions_version != newest and not customer.is_alias):
            pass_time(context, customer, clock, now)
