"""CPU of the clusters' own arithmetic, on a simulated shop of 2,500 customers after 120 days.

    python -m benchmarks.behaviour [--customers 2500] [--days 120]

Prints each value with its bound, and as a multiple of a fixed yardstick, so that machines can be compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.recorded import POLICY, lived
from benchmarks.yardstick import yardstick
from models.behaviour.daily_step import advance
from models.behaviour.features import block_of, position_stats
from models.behaviour.layout import DAY
from models.behaviour.scoring import compiled, placed, scores
from models.learning.build import sample_of
from models.learning.kmeans import choose_k, stability
from models.learning.learner import Learner
from streamer.replay.replay import Replay

_WAVE = 256
_NIGHTS = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_500)
    parser.add_argument("--days", type=int, default=120)
    args = parser.parse_args()
    replay = lived(args.customers, args.days, replace(POLICY, panel_target=2_000))
    unit = yardstick()
    print(f"yardstick {unit:.1f} us, {len(replay.learner.members)} customers in the panel")
    # The daily steps run last, because they change the memory.
    for name, measure, scale, suffix, bound in (
        ("scoring, waves of 256", _scoring, 1e6, "us a customer", 0.7),
        ("k selection", _selection, 1.0, "s", 1.0),
        ("macro step", _macro, 1e3, "ms", 50.0),
        ("nightly step, in memory", _nights, 1e6, "us a customer", 1.0),
    ):
        seconds = measure(replay)
        print(
            f"{name:24} {seconds * scale:8.2f} {suffix:14} (at most {bound:g})  {seconds * 1e6 / unit:10.3f} yardsticks"
        )


def _least(rounds: int, work: Callable[[], object]) -> float:
    """Return the CPU seconds of the fastest of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def _scoring(replay: Replay) -> float:
    memory, model = replay.state.cache.memory, replay.learner.model
    assert model is not None, "the shop is too small or too young for clusters"
    c, rows = compiled(model), np.flatnonzero(memory.live)[:_WAVE]

    def wave() -> None:
        for _ in range(20):
            scores(placed(position_stats(block_of(memory, rows)), c), c)

    return _least(10, wave) / 20 / len(rows)


def _selection(replay: Replay) -> float:
    learner = replay.learner
    assert learner.model is not None
    ids = sorted(learner.members)
    chosen = [learner.members[id] for id in ids]
    block = block_of(learner.memory, np.array([row for row, _ in chosen]))
    sample = sample_of(block, [diary for _, diary in chosen], learner.config.evidence, int(block[DAY].max()), ids)
    points, (low, high) = sample.points(learner.model.frame), learner.config.k_range
    return _least(3, lambda: choose_k(stability(points, range(low, high + 1), np.random.default_rng(1))))


def _macro(replay: Replay) -> float:
    """Return the CPU seconds of a weekly update in the same frame, without the check of the number of clusters."""
    learner = replay.learner
    assert learner.state.last_update is not None
    week, saved = learner.state.last_update + learner.config.cadence_days, learner.snapshot()
    best = float("inf")
    for _ in range(5):
        again = Learner(replace(learner.config, k=learner.model.k if learner.model else None))
        again.restore(saved)
        best = min(best, _least(1, lambda one=again: one.learn(week)))  # type: ignore[misc]
    return best


def _nights(replay: Replay) -> float:
    memory, model = replay.state.cache.memory, replay.learner.model
    assert model is not None
    rows = np.flatnonzero(memory.live)
    day = int(memory.matrix[rows, DAY].max())
    advance(memory, rows, np.full(len(rows), day), [(0, model)])
    nights = iter(range(day + 1, day + _NIGHTS + 1))
    return _least(_NIGHTS, lambda: advance(memory, rows, np.full(len(rows), next(nights)), [(0, model)])) / len(rows)


if __name__ == "__main__":
    main()
