"""Compares the owner's clusterers, ours and River's, live in the same service on the same shops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.learning.clusterer_choice import ClustererChoice
from models.learning.learner import LearnerConfig
from streamer.evaluate.bench import play
from streamer.evaluate.metrics import Scores, judge
from streamer.evaluate.suite import OnProgress, shop

CHOICES: Final = ("PanelKMeans", "KMeans", "STREAMKMeans")


@dataclass(frozen=True, slots=True)
class Live:
    """Results of a clusterer in one shop.

    Attributes
    ----------
    versions
        Model versions that it published.
    silhouette
        Mean weekly progressive silhouette (``RowStream.look``); smaller is better. NaN without a version.
    seconds
        CPU time of the learner over the year.
    """

    scenario: str
    seed: int
    clusterer: str
    scores: Scores
    versions: int
    silhouette: float
    seconds: float


def live(
    scenarios: Sequence[str],
    seeds: Sequence[int],
    choices: Sequence[ClustererChoice],
    customers: int,
    on_progress: OnProgress,
    config: LearnerConfig | None = None,
) -> list[Live]:
    """Run each clusterer in each shop, with everything else equal."""
    found = []
    for scenario in scenarios:
        for seed in seeds:
            activity, truth = shop(scenario, seed, customers)
            for choice in choices:
                on_progress(f"{scenario}, seed {seed}: {choice}")
                run = play(activity, replace(config or LearnerConfig(), clusterer=choice))
                weeks = [figures["silhouette"] for _, figures in run.figures if "silhouette" in figures]
                found.append(
                    Live(
                        scenario,
                        seed,
                        str(choice),
                        judge(run.labels, truth, activity.events, run.evidence),
                        len(run.timeline),
                        float(np.mean(weeks)) if weeks else float("nan"),
                        run.learner_seconds,
                    )
                )
    return found
