"""Report the learned predictions: the version each lane uses, and how accurate each week was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from models.features.time import DayGrid
from models.prediction.model import PredictionModel, first_version
from models.prediction.predictor import Predictor, Week
from models.prediction.progress import progress
from schemas import topics
from schemas.errors import UserError
from schemas.records import Record
from streamer.adapters.client import read
from streamer.client.connections import Connections
from streamer.core.forecasts import timeline_of
from streamer.core.ledger import Ledger
from streamer.owner.model_reader import Foresight
from streamer.owner.pieces import SNAPSHOT, Piece, read_piece, taken_apart

_EPOCH: Final = date(1970, 1, 1)


def read_predictor(to: Connections) -> Predictor:
    """Return the model owner's predictor, as last stored."""
    return kept_predictor(read(to.kafka, topics.PANEL))


def kept_predictor(records: Iterable[Record]) -> Predictor:
    """Return the predictor in the panel topic's records, or a fresh one if none was stored yet."""
    pieces: dict[int, Piece] = {}
    for record in records:
        key = record.key or b""
        if not key.startswith(SNAPSHOT):
            continue
        if record.value is None:
            pieces.pop(int(key[len(SNAPSHOT) :]), None)
        else:
            pieces[int(key[len(SNAPSHOT) :])] = read_piece(record.value)
    return taken_apart(pieces)[1] if 0 in pieces else Predictor()


def status(
    predictor: Predictor, ledgers: Iterable[Ledger], models: Mapping[int, Mapping[int, PredictionModel]], grid: DayGrid
) -> dict[str, Any]:
    """Return the versions that lanes use, and the latest week, JSON-safe.

    Parameters
    ----------
    models
        Versions stored in each lane.
    """
    state, weeks = predictor.state, predictor.weeks
    return {
        "version": state.published.version,
        "weeks": state.weeks_learned,
        "fallback": fallback_of(predictor),
        "progress": progress_of(predictor),
        "drift": drift_of(predictor),
        "lanes": [_lane(one, models[one.partition], grid) for one in ledgers],
        "latest": week_of(weeks[-1]) if weeks else None,
    }


def fallback_of(predictor: Predictor) -> dict[str, Any] | None:
    """Return since which week the cells have replaced the model; None if they have not."""
    weeks = predictor.weeks
    if not predictor.state.trust.fallen:
        return None
    fell = (after.day for before, after in zip(weeks[-2::-1], weeks[::-1], strict=False) if not before.fallback)
    return {"since": day_text(next(fell, weeks[0].day))}


def progress_of(predictor: Predictor) -> dict[str, Any] | None:
    """Return figures of all answers so far, JSON-safe; None before the first."""
    found = progress(predictor.state.sums)
    if found is None:
        return None
    return {
        "answers": found.answers,
        "auc": round(found.auc, 4),
        "log_loss": round(found.log_loss, 4),
        "brier": round(found.brier, 4),
    }


def drift_of(predictor: Predictor) -> dict[str, Any] | None:
    """Return the latest stored week by which the calibration had changed, or None."""
    found = next((week.day for week in reversed(predictor.weeks) if week.drifted), None)
    return None if found is None else {"week": day_text(found)}


def _lane(ledger: Ledger, models: Mapping[int, PredictionModel], grid: DayGrid) -> dict[str, Any]:
    today = grid.day_of(ledger.clock)
    timeline = timeline_of(ledger.predictions, models, None)
    first, model = next(one for one in reversed(timeline) if one[0] <= today)
    return {
        "lane": ledger.partition,
        "version": model.version,
        "form": model.form,
        "since": day_text(first) if model.version else None,
        "to_come": [{"version": model.version, "from": day_text(day)} for day, model in timeline if day > today],
    }


def week_of(week: Week) -> dict[str, Any]:
    """Return the figures of one week, JSON-safe; see docs/predictions.md."""
    return {
        "asked_on": day_text(week.day),
        "customers": week.customers,
        "ordered": week.buyers,
        "expected": round(week.expected, 1),
        "auc": round(week.auc, 4),
        "log_loss": round(week.log_loss, 4),
        "brier": round(week.brier, 4),
        "calibration": round(week.expected / max(week.buyers, 1), 3),
        "base_rate": round(week.buyers / week.customers, 4),
        "skill": round(1.0 - week.log_loss / max(week.cells_log_loss, 1e-12), 4),
        "drifted": week.drifted,
    }


def version(published: Mapping[int, Foresight], wanted: str) -> dict[str, Any]:
    """Return one version in full, JSON-safe; 0 is the shipped one. Raises UserError if it does not exist."""
    number = int(wanted) if wanted.isascii() and wanted.isdigit() else -1
    found = published.get(number)
    if found is None and number != 0:
        known = ", ".join(map(str, sorted({0, *published})))
        raise UserError(f"no such prediction version: {wanted}", f"versions: {known}")
    model = first_version() if found is None else found.model
    return {
        **model.to_dict(),
        "made_on": day_text(model.made_on) if model.version else None,
        "published_at": None if found is None else found.published_at,
    }


def day_text(day: int) -> str:
    """Return a grid day as a date."""
    return (_EPOCH + timedelta(days=day)).isoformat()
