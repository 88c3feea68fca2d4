"""The predictor on disk: MessagePack, no pickle, versions in their own checked JSON form."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from models.behaviour.layout import FloatArray
from models.prediction.cells import CELLS
from models.prediction.dropout import Dropout
from models.prediction.fallback import Trust
from models.prediction.features import NAMES
from models.prediction.model import PredictionModel
from models.prediction.order_record import OrderRecord
from models.prediction.predictor import Closed, Predictor, PredictorState, Question, Week
from models.prediction.prior import shipped
from models.prediction.products import is_pair
from models.prediction.progress import INTERVALS, SUMS, no_answers
from models.prediction.recursion import Belief
from schemas.errors import InvariantViolation

FORMAT: Final = 1


class _Asked(msgspec.Struct, array_like=True):
    day: int
    customers: list[str]
    x: bytes
    cells: list[float]


class _Answered(msgspec.Struct, array_like=True):
    day: int
    customers: list[str]
    came: list[bool]


class _Saved(msgspec.Struct, array_like=True):
    """The stored form of one predictor; arrays as lists or as bytes of float32 (features) and float64 (precision)."""

    format: int
    shift: int
    members: list[tuple[str, list[tuple[int, OrderRecord]]]]
    open: list[_Asked]
    weeks: list[Week]
    mean: list[float]
    precision: bytes
    dropout: list[float]
    cells: list[list[float]]
    asked_until: int
    weeks_learned: int
    versions: int
    published: dict[str, Any]
    # Older releases lack the following fields.
    trust: Trust = Trust()
    closed: list[_Answered] = []
    checked: int = 0
    revised: int = 0
    pairs: list[tuple[str, str]] = []
    approved: list[float] = []
    sums: list[list[float]] = []


def pack(predictor: Predictor) -> bytes:
    """Encode the predictor; equal predictors yield equal bytes."""
    state = predictor.state
    return msgspec.msgpack.encode(
        _Saved(
            FORMAT,
            predictor.shift,
            sorted(predictor.members.items()),
            [_Asked(q.day, q.customers, q.x.astype("<f4").tobytes(), q.cells.tolist()) for q in predictor.open],
            predictor.weeks,
            state.belief.mean.tolist(),
            state.belief.precision.astype("<f8").tobytes(),
            state.dropout.values,
            state.cells.tolist(),
            state.asked_until,
            state.weeks_learned,
            state.versions,
            state.published.to_dict(),
            state.trust,
            [_Answered(one.day, one.customers, (one.came > 0).tolist()) for one in predictor.closed],
            state.checked,
            state.revised,
            list(state.pairs),
            list(state.approved),
            state.sums.tolist(),
        )
    )


def unpack(data: bytes) -> Predictor:
    """Decode the output of `pack`. Raises InvariantViolation on anything else."""
    try:
        saved = msgspec.msgpack.decode(data, type=_Saved)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvariantViolation(f"snapshot of predictions: cannot be read: {error}") from error
    names = _features_of(saved)
    d = len(saved.mean)
    found = Predictor()
    found.shift = saved.shift
    found.members = dict(saved.members)
    found.open = [
        Question(
            one.day,
            one.customers,
            _with_baskets(np.frombuffer(one.x, dtype="<f4").reshape(names, len(one.customers)).astype(np.float64)),
            np.array(one.cells),
        )
        for one in saved.open
    ]
    found.closed = [Closed(one.day, one.customers, np.array(one.came, dtype=np.float64)) for one in saved.closed]
    found.weeks = saved.weeks
    found.state = PredictorState(
        _belief(np.array(saved.mean), np.frombuffer(saved.precision, dtype="<f8").reshape(d, d).copy()),
        Dropout.of(saved.dropout),
        np.array(saved.cells).reshape(2, CELLS),
        saved.asked_until,
        saved.weeks_learned,
        saved.versions,
        PredictionModel.from_dict(saved.published),
        saved.trust,
        saved.checked,
        saved.revised,
        tuple(saved.pairs),
        tuple(saved.approved),
        np.array(saved.sums) if saved.sums else no_answers(),
    )
    return found


def _features_of(saved: _Saved) -> int:
    """Return the number of features without products. Raises InvariantViolation if they are not this program's."""
    names = len(saved.mean) - len(saved.pairs)
    readable = names == len(NAMES) or (names == len(NAMES) - 1 and not saved.pairs and not saved.approved)
    approved = len(saved.approved) in (0, len(saved.mean)) and all(map(is_pair, saved.pairs))
    if saved.format != FORMAT or not readable or not approved or len(saved.cells) != 2:
        raise InvariantViolation("snapshot of predictions: features differ from this program's")
    if saved.sums and (len(saved.sums) != SUMS or any(len(row) != INTERVALS for row in saved.sums)):
        raise InvariantViolation("snapshot of predictions: sums of answers differ from this program's")
    return names


def _with_baskets(x: FloatArray) -> FloatArray:
    """Return the features (d, n). Those of an older snapshot lack the last one, which is set to unknown."""
    return x if len(x) == len(NAMES) else np.vstack([x, np.zeros((1, x.shape[1]))])


def _belief(mean: FloatArray, precision: FloatArray) -> Belief:
    """Return the belief. A belief of an older snapshot gets the prior's value for the last weight."""
    if len(mean) >= len(NAMES):
        return Belief(mean, precision)
    wider = shipped().precision.copy()
    wider[:-1, :-1] = precision
    return Belief(np.append(mean, shipped().mean[-1]), wider)
