"""Test River's clusterers as the owner runs them, and the River behaviour that it works around."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest

from models.behaviour.layout import FloatArray
from models.learning.clusterer_choice import ClustererChoice
from models.learning.river_centres import Kept, RiverCentres

CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]])
CHOICES = ("KMeans", "STREAMKMeans:chunk_size=30,halflife=0.2")


def points(n: int = 100) -> list[dict[int, float]]:
    rng = np.random.default_rng(1)
    z: FloatArray = CENTRES[rng.integers(0, 4, n)] + rng.normal(0, 0.7, (n, 2))
    return [dict(enumerate(row)) for row in z.tolist()]


def learned(text: str, rows: list[dict[int, float]]) -> RiverCentres:
    found = RiverCentres(ClustererChoice.parse(text), CENTRES)
    for x in rows:
        found.learn_one(x)
    return found


def test_one_point_moves_its_centre_by_the_learning_rate_and_no_other() -> None:
    found = learned("KMeans:halflife=0.005", [{0: 1.0, 1: 1.0}]).centroids()
    assert found[0].tolist() == pytest.approx([0.005, 0.005])
    assert np.array_equal(found[1:], CENTRES[1:])


def test_streamkmeans_learns_by_the_chunk() -> None:
    rows = points(30)
    assert np.array_equal(learned(CHOICES[1], rows[:29]).centroids(), CENTRES)
    assert not np.array_equal(learned(CHOICES[1], rows).centroids(), CENTRES)


@pytest.mark.parametrize("text", CHOICES)
def test_kept_and_resumed_at_any_point_is_as_if_it_had_never_stopped(text: str) -> None:
    rows = points()
    whole = learned(text, rows)
    for at in (0, 1, 29, 30, 31, 99):
        kept = msgspec.msgpack.decode(msgspec.msgpack.encode(learned(text, rows[:at]).keep()), type=Kept)
        again = RiverCentres.resume(ClustererChoice.parse(text), kept)
        for x in rows[at:]:
            again.learn_one(x)
        assert again.keep() == whole.keep()
        assert [again.predict_one(x) for x in rows] == [whole.predict_one(x) for x in rows]


_PROGRAM = """
import sys
sys.path.insert(0, "tests/unit/learning")
from test_river_centres import CHOICES, learned, points
print([learned(text, points()).centroids().tolist() for text in CHOICES])
"""


def test_every_process_comes_to_the_same_centres() -> None:
    """River adds distances and draws centres in set order, which for texts differs in every process."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1 and "nan" not in runs.pop()


def test_the_traps_that_river_sets_are_still_there() -> None:
    """Even a query draws a feature that a centre does not know, and a chunk's centres that did not move count."""
    from river import cluster

    kmeans: Any = cluster.KMeans(n_clusters=2, seed=1)
    before = dict(kmeans.centers[0])
    kmeans.predict_one({"unseen": 1.0})
    assert before == {} and "unseen" in kmeans.centers[0]
    make: Any = cluster.STREAMKMeans
    stream = make(chunk_size=2, n_clusters=3, halflife=0.5, seed=1)
    with pytest.raises(ValueError):
        stream.predict_one({0: 1.0})
    for _ in range(2):
        stream.learn_one({0: 100.0})
    # Three centres of the chunk were learned like points, though points had moved only one of them.
    assert sum(center.get(0, 0.0) > 10 for center in stream.centers.values()) == 1
