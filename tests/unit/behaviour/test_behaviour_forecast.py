"""Test that `customer show` predicts what the lane then does with clusters, if nothing happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import log

import numpy as np
import pytest
from behaviour_reference import Slow
from behaviour_world import World
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order, view
from heart_models import jumpy
from heart_strategies import WALL

from models.behaviour.daily_step import advance
from models.behaviour.features import NAMES, block_of, position_stats
from models.behaviour.forecast import outlook
from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    FEATURES,
    LOG_BASKET,
    MONEY,
    NEW_ID,
    ORDER_DAYS,
    ORDERS,
)
from models.behaviour.memory import Memory
from models.behaviour.model import Preset
from models.behaviour.scoring import compiled, margin_of, placed
from models.behaviour.step import beat
from models.customer.snapshot import glance
from streamer.core.state import Tick
from streamer.core.timers import timeline_of
from streamer.queries.cluster_moves import cluster_moves


@pytest.fixture(scope="module")
def world() -> World:
    """Return a shop with clusters, some of whose customers have just fallen silent or changed."""
    world = World(customers=240)
    world.run(150)
    world.quiet.update(range(0, 100, 3))
    for i in range(100, 160, 4):
        world.truth[i] = "champion"
    world.run(25)
    return world


def test_the_date_is_the_one_of_an_exact_daily_recomputation(world: World) -> None:
    blobs = [world.memory.dump(int(row)) for row in world.rows[::4]]
    memory = Memory(len(blobs))
    rows = np.array([memory.load(blob) for blob in blobs])
    first: dict[int, tuple[int, str]] = {}
    for day in range(world.day + 1, world.day + 366):
        for move in advance(memory, rows, np.full(len(rows), day), world.timeline):
            first.setdefault(move.row, (move.day, move.to_id))
    forecasts = [outlook(blob, world.timeline, world.day) for blob in blobs]
    assert len(first) > 25
    for row, one in zip(rows.tolist(), forecasts, strict=True):
        assert one is not None
        assert (None if one.next is None else (one.next.day, one.next.to_id)) == first.get(row)


def test_a_lever_alone_carries_the_customer_to_the_border_by_distance(world: World) -> None:
    by_distance = Preset(holiday=world.timeline[-1][1].preset.holiday)
    model = replace(world.timeline[-1][1], preset=by_distance)
    timeline = [*world.timeline[:-1], (world.timeline[-1][0], model)]
    c, seen = compiled(model), 0
    for row in world.rows:
        one = outlook(world.memory.dump(int(row)), timeline, world.day, days=1)
        assert one is not None and one.model is model
        stands = one.standing
        own, other = (None if id is None else model.by_id(id) for id in (stands.segment_id, stands.nearest_other))
        if own is None or other is None:
            assert one.levers == () and stands.segment_id == NEW_ID
            continue
        if stands.margin > one.border:
            assert one.levers == ()
            continue
        block = block_of(world.memory, np.array([row]))
        x = placed(position_stats(block, beat(block, c)), c)[:FEATURES, 0]
        beta = [margin_of(x + step, c, own.slot, other.slot) - stands.margin for step in np.eye(FEATURES)]
        for lever in one.levers:
            j = NAMES.index(lever.feature)
            moved = x.copy()
            moved[j] += (one.border - stands.margin) / beta[j]
            assert margin_of(moved, c, own.slot, other.slot) == pytest.approx(one.border)
            assert (lever.needed > lever.now) == (moved[j] > x[j])
            seen += 1
    assert seen > 200


def test_a_lever_alone_carries_the_customer_to_the_border_by_likelihood(world: World) -> None:
    """The slow recomputation finds the border at the statistics that give a lever's value, to the digit."""
    model = world.timeline[-1][1]
    slow, priors, seen = Slow(model, 0), model.frame.priors, Counter[str]()
    for row in world.rows:
        one = outlook(world.memory.dump(int(row)), world.timeline, world.day, days=1)
        assert one is not None
        own, other = (
            None if id is None else model.by_id(id) for id in (one.standing.segment_id, one.standing.nearest_other)
        )
        if own is None or other is None or one.standing.margin > one.border:
            assert one.levers == ()
            continue
        block = block_of(world.memory, np.array([row]))
        rhythm = beat(block, compiled(model))
        stats = position_stats(block, rhythm)[:, 0]
        cv2 = 1.0 if rhythm is None else 1.0 - float(rhythm.regular[0])
        for lever in one.levers:
            with_it = stats.copy()
            count = lever.needed * max(stats[EXPOSURE], 7.0) / 36
            if lever.feature == "orders":
                if stats[ORDER_DAYS] <= 0.05:
                    continue  # orders of the segment's kind, whose likelihood need not be reproduced here
                with_it[[ORDER_DAYS, *range(MONEY, len(stats))]] *= count / stats[ORDER_DAYS]
            elif lever.feature == "clicks":
                with_it[CLICK_DAYS] = count
            elif lever.feature == "basket":
                with_it[LOG_BASKET] = log(lever.needed) * (stats[ORDER_DAYS] + 1) - priors.log_basket
            else:
                with_it[DISCOUNTED] = lever.needed * (stats[ORDERS] + 2) - 2 * priors.discount
            score = [sum(slow.likelihood(with_it.tolist(), s, cv2)) for s in (own, other)]
            over = score[1] - score[0] - one.border
            # What is left of a basket stops counting below .05 orders.
            assert over == pytest.approx(0, abs=1e-6) or (with_it[ORDER_DAYS] <= 0.05 and over > 0), lever
            assert lever.needed != lever.now
            seen[lever.feature] += 1
    assert min(seen[name] for name in ("orders", "clicks", "basket", "discount_share")) > 5, seen


def test_an_older_state_gives_the_same_and_before_a_model_there_is_nothing(world: World) -> None:
    row = int(world.rows[7])
    old = world.memory.dump(row)
    memory = Memory(1)
    stepped = memory.load(old)
    advance(memory, np.array([stepped]), np.array([world.day + 30]), world.timeline)
    assert outlook(old, world.timeline, world.day + 30) == outlook(memory.dump(stepped), world.timeline, world.day + 30)
    assert outlook(old, [], world.day) is None
    fresh = memory.dump(memory.new_row(world.day))
    assert outlook(fresh, [(world.day + 1, world.timeline[-1][1])], world.day) is None
    # After an import: the label exists, and its version is in force from tomorrow.
    later = outlook(old, [(world.day + 1, world.timeline[-1][1])], world.day)
    assert later is not None and later.standing.segment_id == world.label(7)


def test_a_lane_without_events_moves_customers_on_the_forecast_day() -> None:
    log = LogMaker()
    log.model(jumpy(1))
    people = ("ann", "bob", "cem", "dee")
    for day in range(12):
        for number, id in enumerate(people):
            at = T0 + day * DAY + number * HOUR
            if day % (number + 1) == 0:
                log.event(order(f"o{day}{id}", id, at, 30.0 + number), now=at)
            elif number % 2:
                log.event(view(f"v{day}{id}", id, at), now=at)
    driver = Driver(WALL)
    driver.feed(log.records)
    state, grid = driver.state, driver.policy.grid
    forecasts = {}
    for id in people:
        customer = state.cache.customers[id]
        timeline = timeline_of(state.ledger, state.models, customer.clock_id)
        one = outlook(glance(id, driver.parts[id])[1], timeline, grid.day_of(state.ledger.clock))
        assert one is not None
        if one.next is not None:
            forecasts[id] = (grid.instant(one.next.day), one.next.to_id)
    assert forecasts
    # Lists of segments request many at once, and get the same.
    several = [glance(id, driver.parts[id]) for id in people]
    listed = cluster_moves(several, state.ledger, state.models, grid)
    assert listed == {id: (segment, at) for id, (at, segment) in forecasts.items()}
    known = len(driver.changes)
    for day in range(1, 366):
        driver.feed([], Tick(T0 + (12 + day) * DAY, [*people]))
    done: dict[str, tuple[int, str | None]] = {}
    for change in driver.changes[known:]:
        if change.segmentation == "behaviour":
            done.setdefault(change.customer_id, (change.changed_at, change.after))
    assert done == forecasts
