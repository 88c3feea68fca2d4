"""Test the command's own part: what it rejects, and the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan

import pytest
from typer.testing import CliRunner

from streamer.cli import build
from streamer.evaluate.gate import TARGETS, missed
from streamer.evaluate.metrics import Scores
from streamer.evaluate.peers import TUNED
from streamer.evaluate.report import seeds_note
from streamer.evaluate.suite import Row, beside

GOOD = Scores(0.95, 0.95, 0.9, 0.99, 1.0, 0.2, 0.5, 0.01, 0.9, 40, 10, 6)
ROW = Row("stationary", 7, "conservative", 100, GOOD, batch_ari_off=0.99, names=0.97)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "7,x"], "7,8"),
        (["--data", "no-such-file"], "does not exist"),
        (["--scenario", "chaos"], "stationary"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(build(), ["evaluate", "segments", "--no-peers", "--customers", "600", *arguments])
    assert result.exit_code == 1 and words in result.output


def test_the_gate_names_what_is_missed_and_only_that() -> None:
    assert missed([ROW]) == []
    assert missed([replace(ROW, method="River KMeans")]) == []
    worse = replace(ROW, scores=replace(GOOD, spurious=3.2, detected=nan, coverage=0.9))
    assert sorted(sentence.split(": ")[1].split(" is ")[0] for sentence in missed([worse])) == [
        "coverage",
        "detected",
        "spurious",
    ]


def test_river_on_the_same_customers_is_what_calm_is_measured_by() -> None:
    river = replace(ROW, method=TUNED.name, scores=replace(GOOD, spurious=24.9))
    smaller = replace(river, customers=50)
    other = replace(ROW, seed=8)
    assert missed([ROW, other]) == []
    assert beside([ROW, other], [smaller]) == [ROW, other]
    measured = beside([ROW, other], [river])
    assert [row.calmer for row in measured] == [pytest.approx(24.9), pytest.approx(nan, nan_ok=True)]
    assert [sentence.split(", ")[2] for sentence in missed([*measured, river])] == ["conservative: calmer is 24.900"]
    assert missed([*beside([ROW], [replace(river, scores=replace(GOOD, spurious=25.1))]), river]) == []
    # If River was run and yields no ratio, nothing is shown.
    assert missed([ROW, river]) != []


def test_every_target_is_a_figure_of_a_row() -> None:
    assert all(name in ROW.to_dict() for targets in TARGETS.values() for name in targets)


def test_seeds_that_were_tuned_on_are_owned_up_to() -> None:
    assert "tuned on!" not in seeds_note((7, 8)) and "seeds 2 were tuned on!" in seeds_note((2, 7))


def test_clusterers_are_measured_side_by_side_on_the_same_shop() -> None:
    arguments = ["evaluate", "clusterers", "--customers", "600", "--scenario", "weekly-same", "--seeds", "11", "--json"]
    result = CliRunner().invoke(build(), arguments)
    rows = json.loads(result.stdout)
    assert [row["clusterer"] for row in rows] == ["PanelKMeans", "KMeans", "STREAMKMeans"]
    # Customers who are alike are one segment, whatever moves its centre, and nobody leaves it.
    assert [row["segments"] for row in rows] == [1, 1, 1] and {row["spurious"] for row in rows} == {0}
    assert all(row["seconds"] > 0 and row["versions"] > 0 for row in rows)
    refused = CliRunner().invoke(build(), [*arguments, "--clusterer", "DBSTREAM"])
    assert refused.exit_code == 1 and "KMeans:halflife" in refused.output
