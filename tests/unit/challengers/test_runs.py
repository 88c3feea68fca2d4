"""Test challengers in a real MLflow store: a run each, versions that score the same, and a message without the extra."""

from __future__ import annotations

import builtins
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from challenge_world import planted
from typer.testing import CliRunner

from schemas.errors import UserError
from streamer.cli import build
from streamer.evaluate import challenge_report
from streamer.evaluate.challenge import Asking, challenge
from streamer.evaluate.challenge_runs import EXPERIMENT, loaded, record


def test_a_run_for_each_model_and_versions_that_score_the_same(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/runs.db"
    found = challenge(planted(1, 120, 420, 0.0), Asking(models=("logistic-l2", "tree")), lambda text: None)
    report = challenge_report.to_json(found, 90, 19_000)
    assert record(found, uri, "a shop", report) == {
        "logistic-l2": "models:/streamer-logistic-l2/1",
        "tree": "models:/streamer-tree/1",
    }
    for name, version in record(found, uri, "a shop", report).items():
        assert version == f"models:/streamer-{name}/2", "the next one"
        expected = found.learners[name].chances(found.asked.x)
        assert np.array_equal(loaded(uri, version).chances(found.asked.x), expected)
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == sorted(2 * ["live", "cells", "logistic-l2", "tree"])
    for run in runs:
        row = next(row for row in found.rows if row.name == run.info.run_name)
        assert run.data.params == {name: str(value) for name, value in row.params.items()}
        assert run.data.metrics["auc"] == row.figures["auc"].estimate and run.data.tags["data"] == "a shop"
        assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["challenge.json"]
    # All of it is next to the database.
    assert sorted(one.name for one in tmp_path.iterdir()) == ["runs.db", "runs.db.files"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hide a library from imports."""
    real = builtins.__import__

    def hide(library: str) -> None:
        def importing(name: str, *more: Any, **options: Any) -> Any:
            if name.split(".")[0] == library:
                raise ImportError(name)
            return real(name, *more, **options)

        monkeypatch.setattr(builtins, "__import__", importing)

    return hide


@pytest.mark.parametrize(
    ("library", "arguments", "words"),
    [
        ("mlflow", ["--mlflow", "sqlite:///x.db"], "pip install 'segment-streamer[mlflow]'"),
        ("sklearn", [], "pip install 'segment-streamer[evaluate]'"),
    ],
)
def test_one_sentence_says_how_to_install_what_is_missing(
    library: str, arguments: list[str], words: str, without: Any, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.touch()
    without(library)
    result = CliRunner().invoke(build(), ["learn", "challenge", "--data", str(file), *arguments])
    assert result.exit_code == 1 and words in result.output


def test_a_store_is_never_loaded_without_the_extra(without: Any) -> None:
    without("mlflow")
    with pytest.raises(UserError, match="MLflow is not installed"):
        loaded("sqlite:///x.db", "models:/x/1")
