"""Test what a division predicts about the future, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.evaluate.future import auc, explained, thirds


def test_auc_against_all_pairs() -> None:
    rng = np.random.default_rng(2)
    labels, again = rng.integers(0, 5, 200), rng.random(200) < 0.4
    share = np.array([again[labels == label].mean() for label in range(5)])[labels]
    wins = [(p > n) + 0.5 * (p == n) for p in share[again] for n in share[~again]]
    assert auc(labels, again) == pytest.approx(np.mean(wins))
    assert auc(again.astype(np.int64), again) == 1
    assert np.isnan(auc(labels, np.ones(200, dtype=np.bool_)))


def test_eta2_is_on_the_log_scale_and_refunds_count_as_nothing() -> None:
    eta, area = explained(np.array([0, 0, 1, 1]), np.array([-5.0, 0.0, 99.0, 99.0]), np.array([0.0, 0, 1, 1]))
    assert (eta, area) == pytest.approx((1, 1))


def test_nine_cells() -> None:
    recency, frequency = np.repeat([1.0, 20, 300], 3), np.tile([1.0, 2, 9], 3)
    assert sorted(thirds(recency, frequency).tolist()) == list(range(9))
