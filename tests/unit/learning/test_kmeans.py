from __future__ import annotations

import numpy as np
import pytest

from models.behaviour.layout import FloatArray, IntArray
from models.learning.kmeans import (
    PART,
    adjusted_rand,
    choose_k,
    lloyd,
    multi_start,
    nearest,
    random_part,
    served,
    stability,
    weekly,
)

CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]])


def blobs(n: int = 400, seed: int = 1) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    return CENTRES[labels] + rng.normal(0, 0.7, (n, 2)), labels


def test_the_first_fit_finds_what_is_there() -> None:
    z, truth = blobs()
    fit = multi_start(z, 4, np.random.default_rng(0))
    assert adjusted_rand(fit.labels, truth) == 1.0
    assert fit.inertia == pytest.approx(nearest(z, fit.centroids).inertia)


def test_no_centroid_stays_without_members() -> None:
    z, _ = blobs()
    fit = lloyd(z, np.array([[0.0, 0.0], [6.0, 6.0], [90.0, 90.0], [91.0, 90.0]]))
    assert np.bincount(fit.labels, minlength=4).min() > 20


def test_a_weekly_look_goes_on_from_the_given_centroids_and_keeps_their_order() -> None:
    z, _ = blobs()
    start = CENTRES[[2, 0, 3, 1]] + 0.8
    fit, challenger = weekly(z, start, np.random.default_rng(3), 3)
    target = lloyd(z, start)
    assert np.abs(fit.centroids - target.centroids).max() < np.abs(start - target.centroids).max()
    assert [int(nearest(CENTRES, fit.centroids).labels[i]) for i in (2, 0, 3, 1)] == [0, 1, 2, 3]
    assert challenger.inertia == pytest.approx(target.inertia)


def test_a_centroid_that_serves_nobody_goes_to_the_worst_served_point_and_the_others_stay() -> None:
    z, _ = blobs()
    start = np.array([[0.0, 0.0], [6.0, 6.0], [90.0, 90.0], [91.0, 90.0]])
    fit = served(z, start)
    assert np.bincount(fit.labels, minlength=4).min() > 0
    assert np.array_equal(fit.centroids[:2], start[:2])
    # Identical points cannot serve two centroids, and it terminates.
    assert served(np.zeros((5, 2)), start).labels.tolist() == [0] * 5


def test_a_random_part_is_a_shuffled_sample_that_the_seed_decides() -> None:
    z = np.arange(900.0).reshape(-1, 1)
    part = random_part(z, np.random.default_rng(4))
    assert part.shape == (PART, 1) and len(set(part[:, 0])) == PART and set(part[:, 0]) <= set(z[:, 0])
    assert 350 < part.mean() < 550 and not np.array_equal(np.sort(part[:, 0]), part[:, 0])
    assert np.array_equal(part, random_part(z, np.random.default_rng(4)))
    assert sorted(random_part(z[:20], np.random.default_rng(4))[:, 0]) == z[:20, 0].tolist()


def test_adjusted_rand_by_hand() -> None:
    a = np.array([0, 0, 1, 1])
    assert adjusted_rand(a, np.array([1, 1, 0, 0])) == 1.0
    assert adjusted_rand(a, np.array([0, 1, 0, 1])) == pytest.approx(-0.5)
    assert adjusted_rand(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)) == 1.0


def test_stability_finds_the_number_of_clusters() -> None:
    z, _ = blobs()
    stable = stability(z, range(3, 8), np.random.default_rng(2))
    assert choose_k(stable) == 4
    assert choose_k({3: 0.7, 4: 0.8, 5: 0.79, 6: 0.5}) == 5


@pytest.mark.parametrize(
    ("stable", "chosen"),
    [
        ({3: 0.95, 4: 0.94, 5: 0.71, 6: 0.93, 7: 0.88}, 6),
        # A dip in between does not make a number look good that is worse than a smaller one.
        ({3: 0.986, 4: 0.587, 5: 0.932, 6: 0.985, 7: 0.913, 8: 0.923}, 6),
        # A number with twice the disagreement of one that recurs almost perfectly cuts through a group.
        ({5: 0.855, 6: 0.985, 7: 0.971, 8: 0.891}, 6),
        ({5: 0.956, 6: 0.949, 7: 0.884}, 6),
        ({5: 0.999, 6: 0.992, 7: 0.5}, 6),
        # A rejected number is no yardstick for the next.
        ({3: 0.999, 4: 0.975, 5: 0.96}, 3),
        ({3: 0.999, 4: 0.985, 5: 0.97, 6: 0.95, 7: 0.93, 8: 0.92}, 3),
    ],
)
def test_a_number_of_clusters_must_be_as_stable_as_smaller_ones(stable: dict[int, float], chosen: int) -> None:
    assert choose_k(stable) == chosen
