"""Challengers in MLflow: a run for each model, and a registered version that yields the same scores once loaded.

The store is a database such as ``sqlite:///runs.db``, with files beside it. MLflow is the extra ``mlflow``.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from models.challengers.search import Fitted
from models.messages.translatable import translatable
from models.prediction.features import NAMES
from schemas.errors import UserError
from streamer.evaluate.challenge import Challenge, Row

EXPERIMENT: Final = "streamer challengers"
PREFIX: Final = "streamer-"
"""Prefix of the names of registered models."""
_SQLITE: Final = "sqlite:///"


def require_mlflow() -> None:
    """Raise UserError if the extra ``mlflow`` is not installed."""
    try:
        import mlflow.sklearn
        import sqlalchemy
    except ImportError:
        raise UserError(translatable("challenge no mlflow"), translatable("challenge no mlflow fix")) from None
    del mlflow, sqlalchemy


def record(found: Challenge, uri: str, data: str, report: Mapping[str, Any]) -> dict[str, str]:
    """Write a run for each row, and register the batch learners.

    Parameters
    ----------
    uri
        URI of the store, such as ``sqlite:///runs.db``.
    data
        Name of the data, noted in each run.
    report
        All results as JSON values, stored as an artefact of each run.

    Returns
    -------
    dict
        The URI of each registered version by the name of its model.
    """
    require_mlflow()
    import mlflow

    with _quiet():
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        experiment = mlflow.get_experiment_by_name(EXPERIMENT)
        id = mlflow.create_experiment(EXPERIMENT, _files_of(uri)) if experiment is None else experiment.experiment_id
        registered = {}
        for row in found.rows:
            with mlflow.start_run(experiment_id=id, run_name=row.name):
                mlflow.set_tags({"data": data, "verdict": row.verdict or "reference"})
                mlflow.log_params(dict(row.params))
                mlflow.log_metrics(_metrics(row))
                mlflow.log_dict(_plain(report), "challenge.json")
                if row.verdict == "proposed" and found.proposal is not None:
                    mlflow.log_dict(found.proposal.to_dict(), "proposal.json")
                learner = found.learners.get(row.name)
                if learner is not None and learner.learner is not None:
                    registered[row.name] = _register(row.name, learner)
    return registered


def loaded(uri: str, model: str) -> Fitted:
    """Load a registered version, such as ``models:/streamer-forest/1``, as a learner.

    MLflow unpickles it: load only from a store whose writers you trust.
    """
    require_mlflow()
    import mlflow

    with _quiet():
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        return Fitted(mlflow.sklearn.load_model(model), 0.0)


def _register(name: str, learner: Fitted) -> str:
    import mlflow
    from sklearn import __version__

    info = mlflow.sklearn.log_model(
        learner.learner,
        name="model",
        serialization_format="cloudpickle",
        pip_requirements=[f"scikit-learn=={__version__}"],
        registered_model_name=PREFIX + name,
        # Rows have these columns, in this order.
        metadata={"features": list(NAMES)},
    )
    return f"models:/{PREFIX}{name}/{info.registered_model_version}"


def _metrics(row: Row) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, one in row.figures.items():
        found |= {name: one.estimate, f"{name}_low": one.low, f"{name}_high": one.high}
    for at, one in enumerate(row.gains, 1):
        found |= {f"gain_{at}": one.estimate, f"gain_{at}_low": one.low, f"gain_{at}_high": one.high}
    if row.search_loss is not None:
        found["search_log_loss"] = row.search_loss
    if row.score_us is not None:
        found["score_us"] = row.score_us
    return found | {"search_seconds": row.search_seconds, "fit_seconds": row.fit_seconds}


def _files_of(uri: str) -> str | None:
    """Return the folder for files: beside an SQLite file, otherwise where MLflow puts them."""
    if not uri.startswith(_SQLITE):
        return None
    file = Path(uri.removeprefix(_SQLITE)).absolute()
    return file.with_name(file.name + ".files").as_uri()


def _plain(report: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(report, default=str))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence MLflow's messages on standard error, and its libraries' warnings about each other."""
    from mlflow.utils import logging_utils

    migrations = logging.getLogger("alembic")
    before = migrations.level
    migrations.setLevel(logging.ERROR)
    logging_utils.disable_logging()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging_utils.enable_logging()  # type: ignore[no-untyped-call]
        migrations.setLevel(before)
