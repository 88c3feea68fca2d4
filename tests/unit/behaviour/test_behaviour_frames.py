"""The noise-whitened frame, and the choice between frames."""

from __future__ import annotations

import numpy as np
import pytest

from models.behaviour.choice import clearly_better, eta2, why
from models.behaviour.features import Priors
from models.behaviour.frame import into_frame, silent_features
from models.behaviour.layout import FEATURES
from models.behaviour.whitening import noise_of, noise_whitened
from schemas.errors import InvariantViolation

PRIORS = Priors(8.0, 0.3)


def test_noise_is_that_of_one_look_and_who_really_changed_does_not_count() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 5, (4_000, 3))
    sd = np.array([1.0, 0.5, 0.2])
    # A lag of 120 days: the two looks share half of what they are based on.
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
    # Decorrelated, the strongest axis first, and its spread is signal over noise (the tails are winsorised).
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
        ((6, 0.30, 0.05), (6, 0.50, 0.15), False),  # says less about the future
        ((5, 0.50, 0.05), (6, 0.50, 0.15), False),  # tells fewer apart
        ((7, 0.50, 0.20), (6, 0.50, 0.15), True),
    ],
)
def test_the_standard_frame_unless_the_other_is_clearly_better(
    white: tuple[float, ...], plain: tuple[float, ...], better: bool
) -> None:
    names = ("k", "eta2", "flips")
    one, two = dict(zip(names, white, strict=True)), dict(zip(names, plain, strict=True))
    assert clearly_better(one, two) is better
    figures = {f"noise_whitened_{n}": v for n, v in one.items()} | {f"standard_{n}": v for n, v in two.items()}
    said = why(figures)
    assert said is not None and said.startswith("noise_whitened" if better else "standard:")
    assert why({}) is None


def test_eta2_by_hand() -> None:
    assert eta2(np.array([0, 0, 1, 1]), np.array([1.0, 3.0, 5.0, 7.0])) == pytest.approx(16 / 20)
    assert eta2(np.array([0, 1]), np.array([2.0, 2.0])) == 0
