"""The goals of the behaviour segments, their results, and those of an oracle that knows all rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Final

from models.behaviour.model import CONSERVATIVE
from models.learning.learner import LearnerConfig
from streamer.evaluate.activity import of_shop
from streamer.evaluate.bench import play
from streamer.evaluate.metrics import judge
from streamer.evaluate.oracle import labels_of
from streamer.evaluate.suite import OnProgress
from streamer.evaluate.truth import over_days
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

if TYPE_CHECKING:
    from streamer.evaluate.retail import Retail

GOALS: Final[dict[str, dict[str, float]]] = {
    "stationary": {"spurious": 1.5, "ari": 0.93, "detected": 0.85},
    "shock": {"spurious": 1.5, "ari": 0.92, "detected": 0.88},
    "hard": {"spurious": 3.0, "ari": 0.80, "detected": 0.77},
    "holidays": {"spurious": 3.0, "ari": 0.90, "detected": 0.82},
    "lifelike": {"spurious": 6.0, "ari": 0.84, "detected": 0.70},
}
"""Goals by shop and metric, for the preset ``conservative``."""
OF_BATCH: Final = 0.95
"""Minimum ratio, in a real shop, of the segments' eta^2 to that of batch K-means."""
UNDONE: Final = 0.04
"""Maximum share of moves undone within 30 days."""
_AT_MOST: Final = frozenset(("spurious", "undone"))


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal for one metric in one shop. For a file, ``seed`` is None and ``oracle`` NaN, since the truth is unknown."""

    scenario: str
    seed: int | None
    figure: str
    goal: float
    reached: float
    oracle: float = nan

    @property
    def met(self) -> bool:
        """Return whether the goal is reached; never for NaN."""
        return self.reached <= self.goal if self.figure in _AT_MOST else self.reached >= self.goal


def of_shops(
    scenarios: Sequence[str],
    seeds: Sequence[int],
    customers: int,
    on_progress: OnProgress,
    config: LearnerConfig | None = None,
) -> list[Goal]:
    """Return the goals of simulated shops with results, under the preset ``conservative``."""
    given, found = replace(config or LearnerConfig(), preset=CONSERVATIVE), []
    for scenario in scenarios:
        for seed in seeds:
            on_progress(f"{scenario}, seed {seed}")
            shop = Shop(ShopConfig(customers=customers, seed=seed, scenario=scenario))
            activity = of_shop(shop.config)
            truth = over_days(shop.truth(), activity)
            run = play(activity, given)
            reached = judge(run.labels, truth, activity.events, run.evidence)
            best = judge(labels_of(shop, activity), truth, activity.events, run.evidence)
            found += [
                Goal(scenario, seed, figure, goal, getattr(reached, figure), getattr(best, figure))
                for figure, goal in GOALS[scenario].items()
            ]
    return found


def of_file(name: str, found: Retail) -> list[Goal]:
    """Return the goals of a real shop with results."""
    eta = {division: value for division, value, _, _ in found.rows}
    batch = next(value for division, value in eta.items() if division.startswith("batch"))
    return [
        Goal(name, None, "of_batch", OF_BATCH, eta["segments"] / batch),
        Goal(name, None, "undone", UNDONE, found.bounce),
    ]
