"""Test what the model owner exposes: fed by a real learner, read as Prometheus reads it."""

from __future__ import annotations

import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from behaviour_world import FIRST_DAY, World
from prometheus_client.parser import text_string_to_metric_families

from models.behaviour.features import NAMES
from models.features.time import DAY_MS, DayGrid
from models.learning.decisions import approve, rename
from models.learning.learner import Learned, LearnerConfig
from models.prediction.fallback import Trust
from models.prediction.predictor import Predictor, Week
from models.prediction.progress import noted
from streamer.telemetry.lane_metrics import MetricState
from streamer.telemetry.metrics import OUTCOMES, OWNER_METRICS, PREFIX
from streamer.telemetry.owner_metrics import OwnerMetrics
from streamer.telemetry.prometheus import Exporter


class Clock:
    def __init__(self) -> None:
        self.day = FIRST_DAY

    def now_ms(self) -> int:
        return self.day * DAY_MS


@pytest.fixture(scope="module")
def metrics() -> OwnerMetrics:
    """Three clusters, a proposal of five that is approved, and a rename."""
    clock = Clock()
    metrics = OwnerMetrics(clock, DayGrid())
    world = World(customers=240, config=LearnerConfig(k=3, frame_days=(90,), min_buyers=150))
    learner = world.learner
    metrics.on_learned(0, Learned("restored"), learner.state)
    world.run(100, learn=False)
    for week in range(12):
        metrics.on_learned(world.day, learner.learn(world.day), learner.state)
        learner.config = replace(world.config, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)
        world.timeline = learner.state.timeline
        world.run(7, learn=False)
        if learner.state.proposal is not None:
            assert metrics.samples()["model_proposals_waiting"] == {(): 1.0} and week > 0
            assert metrics.samples()["model_proposal_moves_ratio"] == {(): learner.state.proposal.trial.share}
            break
    proposal = learner.state.proposal
    assert proposal is not None and learner.model is not None
    metrics.on_learned(world.day, approve(learner, proposal.number, world.day), learner.state)
    metrics.on_learned(world.day, learner.learn(world.day + 7), learner.state)
    renamed = rename(learner, learner.model.segments[0].segment_id, "Regulars", world.day + 7)
    metrics.on_learned(world.day + 7, renamed, learner.state)
    clock.day = world.day + 10
    predictor = Predictor()
    predictor.weeks.append(Week(world.day, 200, 40, 50.0, 0.75, 0.4, 0.12, 0.5, drifted=True))
    predictor.state.sums = noted(predictor.state.sums, np.array([0.1, 0.2, 0.3]), np.array([0.0, 1.0, 0.0]))
    metrics.on_foresaw(predictor)
    return metrics


def test_figures_of_the_predictions_are_those_of_the_last_week(metrics: OwnerMetrics) -> None:
    found = metrics.samples()
    assert found["prediction_calibration_ratio"] == {(): 1.25} and found["prediction_base_ratio"] == {(): 0.2}
    assert found["prediction_skill_ratio"][()] == pytest.approx(0.2) and found["prediction_version"] == {(): 0.0}
    assert found["prediction_fallback"] == {(): 0.0} and found["prediction_drift"] == {(): 1.0}
    brier = (0.1**2 + 0.8**2 + 0.3**2) / 3
    assert found["prediction_progressive_brier_ratio"][()] == pytest.approx(brier)
    assert found["prediction_progressive_auc_ratio"] == {(): pytest.approx(0.5)}
    fallen = Predictor()
    fallen.state.trust = Trust(fallen=True)
    own = OwnerMetrics(Clock(), DayGrid())
    own.on_foresaw(fallen)
    assert own.samples()["prediction_fallback"] == {(): 1.0}


def test_every_metric_of_the_owner_is_served_once_it_is_known(metrics: OwnerMetrics) -> None:
    exporter = Exporter(MetricState(Clock()), "1", owner=metrics)
    try:
        port = exporter.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        exporter.stop()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in OWNER_METRICS:
        family = families[metric.full_name.removesuffix("_total")]
        assert family.documentation == metric.help and family.type == metric.kind
        # No proposal is pending any more.
        assert family.samples or metric.name == "model_proposal_moves_ratio", metric.name
        for sample in family.samples:
            assert set(sample.labels) == set(metric.labels)


def test_figures_are_those_of_the_learner(metrics: OwnerMetrics) -> None:
    found = metrics.samples()
    assert {outcome for (outcome,) in found["model_refits_total"]} == set(OUTCOMES)
    assert found["model_refits_total"]["promoted",] == 2 and found["model_refits_total"]["renamed",] == 1
    assert found["model_version"] == {(): 3.0} and found["model_proposals_waiting"] == {(): 0.0}
    assert 230 <= found["panel_customers"][()] <= 240  # a few have never done anything
    assert {name for (name,) in found["feature_psi"]} == set(NAMES)
    assert len(found["centroid_shift_ratio"]) == 5
    assert 0 <= found["panel_bounce_ratio"][()] <= 1 and found["panel_distance"][()] > 0
    # Approved three days before the end of the fixture's clock, and renamed since: a rename does not reset the age.
    assert found["model_age_seconds"][()] == pytest.approx(10 * 86_400)


def test_a_withdrawn_proposal_is_counted_and_waits_no_more() -> None:
    world = World(customers=240, config=LearnerConfig(k=3, frame_days=(90,), min_buyers=150))
    learner, own = world.learner, OwnerMetrics(Clock(), DayGrid())
    world.run(100, learn=False)
    learner.learn(world.day)
    learner.config = replace(world.config, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)
    outcomes: list[str] = []
    while "withdrawn" not in outcomes:
        assert len(outcomes) < 12
        world.run(7, learn=False)
        learned = learner.learn(world.day)
        own.on_learned(world.day, learned, learner.state)
        outcomes.append(learned.outcome)
        waits = "proposed" in outcomes and learned.outcome != "withdrawn"
        assert own.samples()["model_proposals_waiting"] == {(): float(waits)}
        if waits:
            learner.config = replace(learner.config, k_range=(3, 3))
    assert own.samples()["model_refits_total"]["withdrawn",] == 1
    assert "model_proposal_moves_ratio" not in own.samples()


def test_alarms_are_counted_by_what_raised_them() -> None:
    metrics = OwnerMetrics(Clock(), DayGrid())
    state = World(customers=1).learner.state
    figures = {"adwin": 1.0, "psi_basket": 0.4, "share_psi": 0.2, "bounce": 0.3, "bounce_moves": 30.0}
    metrics.on_learned(1, Learned("proposed", figures=figures), state)
    counted = {where: count for where, count in metrics.samples()["drift_detected_total"].items() if count}
    assert counted == {("adwin", "distance"): 1, ("psi", "basket"): 1, ("psi", "shares"): 1, ("bounce", "moves"): 1}
    assert PREFIX == "streamer_"
