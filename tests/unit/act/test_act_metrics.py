"""Test act's metrics for Prometheus: read from the ledger, and updated by a new day or evaluation."""

from __future__ import annotations

import pytest
from act_world import DAY, NOON, World, book, change, play
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streamer.act.heart.coupons import Coupon
from streamer.act.heart.state import ArmState, Outcome
from streamer.act.heart.uplift import Arm, uplift
from streamer.act.metrics import ACT_METRICS, ActMetrics

MORE = 'budget = "5 a day"\nmeasure = { goal = "order", within = "14 days" }'


class Clock:
    now = NOON

    def __call__(self) -> int:
        return self.now


def exposed(metrics: ActMetrics) -> dict[tuple[str, ...], float]:
    """Return all samples as a scrape reads them, by name and label values."""
    registry = CollectorRegistry()
    registry.register(metrics)
    text = generate_latest(registry).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def world() -> World:
    return World(book(play(more=MORE, holdout=0.2)))


def test_budgets_are_those_of_the_day_of_the_look(world: World) -> None:
    clock = Clock()
    metrics = ActMetrics("UTC", clock)
    world.state.ledger.plays["win_back"].days = {NOON // DAY: 3}
    metrics.on_turn(world.state, Outcome(), 0)
    name = ("streamer_act_budget_left", "win_back")
    assert exposed(metrics)[name] == 2
    # Nobody moved overnight, so there was no turn.
    clock.now += DAY
    assert exposed(metrics)[name] == 5
    clock.now -= DAY
    world.state.ledger.plays["win_back"].days = {NOON // DAY: 7}
    metrics.on_turn(world.state, Outcome(), 0)
    assert exposed(metrics)[name] == 0


def test_calls_are_counted_by_channel_and_bound() -> None:
    metrics = ActMetrics()
    for seconds in (0.005, 0.01, 0.2, 99.0):
        metrics.on_call("mail", seconds)
    metrics.on_call("shop", 0.3)
    found = exposed(metrics)
    assert found["streamer_act_call_seconds_count", "mail"] == 4
    assert found["streamer_act_call_seconds_sum", "mail"] == pytest.approx(99.215)
    bounds = {
        bound: found["streamer_act_call_seconds_bucket", "mail", bound] for bound in ("0.01", "0.25", "30.0", "+Inf")
    }
    assert bounds == {"0.01": 2, "0.25": 3, "30.0": 3, "+Inf": 4}


def test_pools_answers_and_running_plays_are_shown(world: World) -> None:
    world.state.coupons.load("back10", ["A", "B"])
    world.state.coupons.put("A", Coupon("back10", NOON))
    world.state.ledger.plays["win_back"].responses = {"unsubscribed": 2}
    world.take(change())
    metrics = ActMetrics()
    metrics.on_turn(world.state, Outcome(), 1500)
    found = exposed(metrics)
    assert found["streamer_act_coupons_free", "back10"] == found["streamer_act_coupons_given", "back10"] == 1
    assert found["streamer_act_heard_total", "win_back", "unsubscribed"] == 2
    assert found["streamer_act_plays_running",] == 1 == found["streamer_act_waiting", "win_back"]
    assert found["streamer_act_overdue_seconds",] == 1.5 and found["streamer_act_unaccounted",] == 0


def test_the_uplift_is_that_of_the_report_and_none_where_arms_cannot_be_compared(world: World) -> None:
    play_state = world.state.ledger.plays["win_back"]
    metrics = ActMetrics("UTC", Clock())
    metrics.on_turn(world.state, Outcome(), 0)
    assert not [name for name in exposed(metrics) if name[0] == "streamer_act_uplift"]
    play_state.sent_arm, play_state.held_arm = ArmState(800, 80), ArmState(200, 10)
    play_state.drawn.n, play_state.drawn.held, play_state.drawn.expected = 1000, 200, 200.0
    metrics.on_turn(world.state, Outcome(), 0)
    wanted = uplift(Arm(800, 80), Arm(200, 10), final=False)
    assert wanted is not None
    found = exposed(metrics)
    assert {bound: found["streamer_act_uplift", bound, "win_back"] for bound in ("low", "estimate", "high")} == {
        "low": pytest.approx(wanted.low),
        "estimate": pytest.approx(0.05),
        "high": pytest.approx(wanted.high),
    }
    play_state.drawn.held = 320
    metrics.on_turn(world.state, Outcome(), 0)
    assert not [name for name in exposed(metrics) if name[0] == "streamer_act_uplift"]


def test_every_metric_of_the_table_is_exposed(world: World) -> None:
    metrics = ActMetrics()
    metrics.on_turn(world.state, Outcome(), 0)
    registry = CollectorRegistry()
    registry.register(metrics)
    names = {family.name for family in registry.collect()}
    assert names == {metric.full_name.removesuffix("_total") for metric in ACT_METRICS}
