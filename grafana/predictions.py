"""The board Predictions: the version in force, and its accuracy for each week before the week was learned."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, stat
from grafana.queries import JOB

_FELL_BACK: Final = "PredictionsFellBack"
_UNCALIBRATED: Final = "PredictionsUncalibrated"


def _latest(figure: str) -> str:
    """Return a metric of the active model owner; a waiting owner has none, or an old one."""
    return f"max(streamer_prediction_{figure}{{{JOB}}})"


PREDICTIONS: Final = Board(
    uid="streamer-predictions",
    title="Predictions",
    description="Which version of the predictions is in force, and how well each week was foreseen before it was learned.",
    since="now-90d",
    panels=(
        stat(
            "Version",
            "The latest published version; 0 before the first, while the one that comes with the program is in force.",
            _latest("version"),
            "version",
            width=6,
        ),
        stat(
            "Fallback",
            "1 while a table of 25 cells stands in for what was learned, because it foresees weeks better.",
            _latest("fallback"),
            "fallback",
            width=6,
            zero_is_good=True,
            runbook=_FELL_BACK,
        ),
        stat(
            "Customers asked", "Customers in the question about the last week.", _latest("questions"), "asked", width=6
        ),
        stat(
            "Revised answers",
            "Answers that records which came later would have changed, of those looked at again four weeks on.",
            f"{_latest('answers_revised_total')} / clamp_min({_latest('answers_checked_total')}, 1)",
            "revised",
            width=6,
            unit="percentunit",
        ),
        Panel(
            "Skill",
            "1 less the log loss over that of 25 cells of recency and frequency; below 0 the cells foresaw the week better.",
            "percentunit",
            (Query(_latest("skill_ratio"), "skill"),),
            runbook=_FELL_BACK,
        ),
        Panel(
            "Calibration",
            "Customers who were expected to order in the week over those who did; 1 is best. The lower line is 1 after "
            "River's PageHinkley detected a change.",
            "short",
            (
                Query(_latest("calibration_ratio"), "expected over ordered"),
                Query(_latest("drift"), "changed in the last four weeks"),
            ),
            runbook=_UNCALIBRATED,
        ),
        Panel(
            "Base rate",
            "The share of the customers who ordered in the week, and the share who were expected to.",
            "percentunit",
            (
                Query(_latest("base_ratio"), "ordered"),
                Query(f"{_latest('base_ratio')} * {_latest('calibration_ratio')}", "expected"),
            ),
        ),
        Panel(
            "Rank",
            "How often who ordered had a higher chance than who did not (AUC); 0.5 is a guess.",
            "short",
            (Query(_latest("auc_ratio"), "AUC"), Query(_latest("progressive_auc_ratio"), "AUC of all so far")),
        ),
        Panel(
            "Loss",
            "Mean negative log-likelihood and mean squared error (Brier) of the chances; lower is better.",
            "short",
            (
                Query(_latest("log_loss"), "log loss"),
                Query(_latest("brier_ratio"), "Brier"),
                Query(_latest("progressive_log_loss"), "log loss of all so far"),
                Query(_latest("progressive_brier_ratio"), "Brier of all so far"),
            ),
        ),
        Panel(
            "Versions published",
            "The latest version over time: a step is a version whose predictions say something else than those before.",
            "short",
            (Query(_latest("version"), "version"), Query(_latest("fallback"), "fallback")),
        ),
    ),
)
