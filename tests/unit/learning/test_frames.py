"""Test the noise-whitened frame, and the choice between frames."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from models.behaviour.features import Priors
from models.behaviour.layout import EXPOSURE, FEATURES, FULL_LONG, LOG_BASKET, MONEY, ORDER_DAYS, ORDERS, VECTOR
from models.learning.backtest import Backtest, NoiseSample, eta2, features_under
from models.learning.build import Sample, build
from models.learning.diary import Diary
from models.learning.frame import fit_priors, into_frame, silent_features, standard, volume
from models.learning.frame_selection import (
    KINDS_GAIN,
    KINDS_NATS,
    best_of,
    clearly_better,
    fit_frame,
    orders_alone,
    volume_is_informative,
    why,
)
from models.learning.identity import in_order
from models.learning.kmeans import multi_start
from models.learning.learner import LearnerConfig
from models.learning.naming import STEPS
from models.learning.whitening import noise_of, noise_whitened
from schemas.errors import InvariantViolation

PRIORS = Priors(8.0, 0.3)


def test_noise_is_that_of_one_look_and_who_really_changed_does_not_count() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 5, (4_000, 3))
    sd = np.array([1.0, 0.5, 0.2])
    # A lag of 120 days: the two samples share half of their data.
    common = rng.normal(0, sd, (4_000, 3)) * np.sqrt(0.5)
    now, before = (true + common + rng.normal(0, sd, (4_000, 3)) * np.sqrt(0.5) for _ in range(2))
    now[:80] += 30
    found = np.sqrt(np.diag(noise_of(now, before, 120)))
    # Trimming takes a little off the tails as well, from all axes alike.
    assert found / found[0] == pytest.approx(sd, rel=0.15)
    assert 0.8 < found[0] < 1.05


def test_axes_that_are_only_noise_are_dropped_and_the_others_are_in_units_of_it() -> None:
    rng = np.random.default_rng(2)
    n = 3_000
    spread = np.array([6.0, 4.0, 3.0, 2.5, 0.1, 0.1, 0.1])
    true = rng.normal(0, spread, (n, FEATURES))
    shared = rng.normal(0, 1, (n, FEATURES)) * np.sqrt(0.5)
    now, before = (true + shared + rng.normal(0, 1, (n, FEATURES)) * np.sqrt(0.5) for _ in range(2))
    frame = noise_whitened(now, PRIORS, (np.arange(n), before, 120))
    assert frame.kind == "noise_whitened" and len(frame.weights[0]) == 4
    z = into_frame(now, frame)
    # Decorrelated, the strongest axis first, with a spread of signal over noise (the tails are winsorised).
    assert np.abs(np.corrcoef(z.T) - np.eye(4)).max() < 0.05
    assert np.all(np.diff(z.std(axis=0)) < 0) and z.std(axis=0)[0] > 5


def test_what_nobody_records_has_no_axis_here_either() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (500, FEATURES))
    x[:, 1] = 0.4  # clicks
    frame = noise_whitened(x, PRIORS, (np.arange(500), x + rng.normal(0, 0.3, x.shape) * (x != 0.4), 30))
    assert silent_features(frame) == [1, 3]


def test_too_few_seen_twice_are_refused() -> None:
    x = np.random.default_rng(4).normal(0, 1, (100, FEATURES))
    with pytest.raises(InvariantViolation, match="twice"):
        noise_whitened(x, PRIORS, (np.arange(10), x[:10], 30))


@pytest.mark.parametrize(
    ("white", "plain", "better"),
    [
        ((6, 0.50, 0.10), (6, 0.50, 0.15), True),
        ((6, 0.50, 0.15), (6, 0.50, 0.15), False),  # no calmer
        ((6, 0.30, 0.05), (6, 0.50, 0.15), False),  # predicts less of the future
        ((5, 0.50, 0.05), (6, 0.50, 0.15), False),  # separates fewer
        ((7, 0.50, 0.20), (6, 0.50, 0.15), True),
    ],
)
def test_the_standard_frame_unless_the_other_is_clearly_better(
    white: tuple[float, ...], plain: tuple[float, ...], better: bool
) -> None:
    one, two = (Backtest(int(k), 0.9, eta, flips) for k, eta, flips in (white, plain))
    assert clearly_better(one, two) is better
    reason = why(figures_of(noise_whitened=one, standard=two))
    assert reason is not None and reason.startswith("noise_whitened" if better else "standard:")
    assert why({}) is None


@pytest.mark.parametrize(
    ("steps", "plain", "white", "best"),
    [
        ((7, 0.22, 0.20), (7, 0.18, 0.25), (3, 0.10, 0.05), "volume"),
        ((7, 0.22, 0.40), (4, 0.18, 0.25), (3, 0.10, 0.05), "volume"),  # more of them flip, but there are more
        ((7, 0.22, 0.40), (7, 0.18, 0.25), (3, 0.10, 0.05), "standard"),  # as many hold less still
        ((7, 0.19, 0.20), (7, 0.18, 0.25), (3, 0.10, 0.05), "standard"),  # hardly predicts more
        ((7, 0.19, 0.20), (7, 0.18, 0.25), (7, 0.18, 0.05), "noise_whitened"),
    ],
)
def test_volume_where_it_says_clearly_more(
    steps: tuple[float, ...], plain: tuple[float, ...], white: tuple[float, ...], best: str
) -> None:
    found = {
        name: Backtest(int(k), 0.7, eta, flips)
        for name, (k, eta, flips) in {"standard": plain, "noise_whitened": white, "volume": steps}.items()
    }
    assert best_of(found) == best
    reason = why(figures_of(**found))
    assert reason is not None and reason.startswith(f"{best}: ") and all(name in reason for name in found)


def figures_of(**found: Backtest) -> dict[str, float]:
    return {f"{name}_{figure}": float(value) for name, j in found.items() for figure, value in asdict(j).items()}


def buyers(rng: np.random.Generator, n: int = 400) -> np.ndarray:
    """Return statistics of customers of a shop that records only orders, including newcomers."""
    stats = np.zeros((VECTOR, n))
    stats[EXPOSURE] = rng.uniform(14, FULL_LONG, n)
    stats[ORDER_DAYS] = stats[ORDERS] = 1 + rng.poisson(stats[EXPOSURE] * rng.gamma(1, 0.02, n))
    stats[LOG_BASKET] = stats[ORDER_DAYS] * rng.normal(8, 0.5, n)
    stats[MONEY] = stats[ORDER_DAYS] * np.exp(stats[LOG_BASKET] / stats[ORDER_DAYS])
    return stats


def sample_of_rates(rates: np.ndarray, exposure: float, seed: int) -> Sample:
    """Return customers who buy by chance at these daily rates, all at one price."""
    rng, n = np.random.default_rng(seed), len(rates)
    stats = np.zeros((VECTOR, n))
    stats[EXPOSURE] = exposure
    stats[ORDER_DAYS] = stats[ORDERS] = rng.poisson(exposure * rates)
    stats[LOG_BASKET], stats[MONEY] = stats[ORDER_DAYS] * 8.0, stats[ORDER_DAYS] * np.exp(8.0)
    return Sample(140, stats, np.zeros(n), tuple(Diary(40, 140) for _ in rates), tuple(f"c{i:04}" for i in range(n)))


@pytest.mark.parametrize("seed", range(3))
def test_kinds_are_not_cut_into_levels_of_volume(seed: int) -> None:
    """Degrees keep their levels, and so do kinds too close to be distinguished from degrees."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice([1 / 10, 1 / 60], 1_500, p=[0.4, 0.6])
    near = rng.choice([1 / 20, 1 / 60], 1_500)
    degrees = rng.gamma(1.0, 0.02, 1_500)
    found = {}
    for name, rates, exposure in (("kinds", kinds, 130.0), ("degrees", degrees, 130.0), ("near", near, 100.0)):
        sample = sample_of_rates(rates, exposure, seed)
        earlier = NoiseSample(100, sample.customers, sample.stats.astype(np.float32))
        figures: dict[str, float] = {}
        fit_frame("auto", sample, [earlier], range(3, 8), np.random.default_rng(1), figures)
        found[name] = (
            "volume_eta2" in figures,
            figures["halves_apart"] >= KINDS_NATS,
            figures["kinds_gain"] >= KINDS_GAIN,
        )
    assert found["kinds"] == (False, True, True)
    assert found["degrees"] == (True, True, False)
    assert found["near"][0] and not found["near"][2]


def test_a_newcomer_with_two_orders_is_not_taken_for_one_with_twenty() -> None:
    stats = buyers(np.random.default_rng(5))
    newcomer, regular = np.zeros((VECTOR, 1)), np.zeros((VECTOR, 1))
    for column, exposure, orders in ((newcomer, 17.0, 2.0), (regular, 170.0, 20.0)):
        column[EXPOSURE], column[ORDER_DAYS], column[ORDERS] = exposure, orders, orders
        column[LOG_BASKET], column[MONEY] = 8 * orders, np.exp(8) * orders
    both = np.hstack([newcomer, regular])
    plain, steps = standard(stats, fit_priors(stats)), volume(stats)
    assert orders_alone(plain) and len(steps.weights[0]) == 1 and steps.kind == "volume"
    rates, amounts = (into_frame(features_under(both, frame), frame) for frame in (plain, steps))
    assert np.abs(rates[0] - rates[1]).max() < 0.2
    assert amounts[1, 0] - amounts[0, 0] > 2


@pytest.mark.parametrize(
    ("silent", "lowest"),
    [(0.0, ["Light buyers", "Rare buyers"]), (90.0, ["Fading", "Hibernating"])],
    ids=["on time", "silent for two usual gaps"],
)
def test_steps_are_named_by_their_order_and_only_the_silent_as_leaving(silent: float, lowest: list[str]) -> None:
    config = LearnerConfig(frame="volume", min_buyers=10, k_range=(3, 8))
    stats = buyers(np.random.default_rng(6), 600)
    frame = volume(stats)
    sample = Sample(100, stats, np.full(600, silent), (), tuple(map(str, range(600))))
    fit = multi_start(sample.points(frame), 7, np.random.default_rng(1))
    made = build(sample, frame, fit, [None] * 7, version=1, parent=None, preset=config.preset, evidence=config.evidence)
    downwards = [s.name for s in sorted(made.segments, key=lambda s: -s.centroid[0])]
    expected = [*list(STEPS)[:5], *lowest]
    assert downwards == expected
    again = in_order([s.centroid[0] for s in made.segments], fit.centroids[:, 0] + 5.0, made.segments)
    order = np.argsort(fit.centroids[:, 0])
    assert [again[i].name for i in order] == expected[::-1]


def test_eta2_by_hand() -> None:
    assert eta2(np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 5.0, 7.0])) == pytest.approx(16 / 20)
    assert eta2(np.array([0, 1]), np.array([2.0, 2.0])) == 0


def test_subscribers_are_not_separated_by_how_much_they_have_bought_so_far() -> None:
    stats = np.zeros((VECTOR, 40))
    stats[[EXPOSURE, ORDER_DAYS, ORDERS]] = np.array([[100.0], [3.0], [3.0]])
    stats[ORDER_DAYS] += np.arange(40) / 20
    stats[MONEY], stats[LOG_BASKET] = 3_000.0 * stats[ORDER_DAYS], 8.0 * stats[ORDER_DAYS]
    orders_only = standard(stats, fit_priors(stats))
    for usual, expected in ((None, True), (1.0, True), (0.65, True), (0.45, False), (0.0, False)):
        priors = replace(orders_only.priors, gap_cv2=usual)
        assert volume_is_informative(replace(orders_only, priors=priors)) is expected
