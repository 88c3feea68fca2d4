"""Search for settings over expanding folds, by grid or by random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from time import process_time
from typing import Any, Final, Literal

import numpy as np

from models.behaviour.layout import FloatArray
from models.challengers.folds import Fold
from models.challengers.kinds import Kind, Params
from models.prediction.judge import losses
from models.prediction.records import Records

Way = Literal["grid", "random"]
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions on one day, and their outcomes.

    Attributes
    ----------
    x
        Features on the day of the question, (d, n).
    came
        Whether an order came within the horizon, 0 or 1, (n,).
    records
        Records that the features are computed from, (n,).
    """

    day: int
    x: FloatArray
    came: FloatArray
    records: Records


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search: the best settings, their mean log loss over the folds, and the loss of every trial."""

    params: Params
    log_loss: float
    trials: tuple[tuple[Params, float], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted learner, and the CPU seconds that the fit took."""

    learner: Any
    seconds: float

    def chances(self, x: FloatArray) -> FloatArray:
        """Return the probabilities (n,) for features (d, n)."""
        if self.learner is None:
            return np.full(x.shape[1], 0.5)
        found: FloatArray = self.learner.predict_proba(x.T)[:, 1]
        return found


def settings_of(kind: Kind, way: Way, draws: int) -> list[Params]:
    """Return the settings to try: the whole grid, or ``draws`` random ones."""
    names = list(kind.grid)
    if way == "grid":
        return [dict(zip(names, values, strict=True)) for values in product(*kind.grid.values())]
    rng = np.random.default_rng((_SEED, *kind.name.encode()))
    return [{name: _drawn(kind, name, rng) for name in names} for _ in range(draws)]


def _drawn(kind: Kind, name: str, rng: np.random.Generator) -> Any:
    values = kind.grid[name]
    if name not in kind.open:
        return values[int(rng.integers(len(values)))]
    return float(np.exp(rng.uniform(np.log(min(values)), np.log(max(values)))))


def fitted(kind: Kind, params: Params, asked: Sequence[Asked]) -> Fitted:
    """Fit a learner to questions; if all outcomes are equal it stays unfitted and predicts .5."""
    x, came = np.concatenate([one.x for one in asked], axis=1), np.concatenate([one.came for one in asked])
    if kind.most_rows is not None and len(came) > kind.most_rows:
        some = np.random.default_rng(_SEED).choice(len(came), kind.most_rows, replace=False)
        x, came = x[:, some], came[some]
    if len(np.unique(came)) < 2:
        return Fitted(None, 0.0)
    start = process_time()
    learner = kind.make(params).fit(x.T, came.astype(np.int64))
    return Fitted(learner, process_time() - start)


def search(kind: Kind, asked: Sequence[Asked], folds: Sequence[Fold], way: Way, draws: int = 6) -> Found:
    """Return the settings with the smallest log loss over the folds."""
    start = process_time()
    trials = [(params, _loss(kind, params, asked, folds)) for params in settings_of(kind, way, draws)]
    best, loss = min(trials, key=lambda trial: trial[1])
    return Found(best, loss, tuple(trials), process_time() - start)


def _loss(kind: Kind, params: Params, asked: Sequence[Asked], folds: Sequence[Fold]) -> float:
    found = []
    for fold in folds:
        learner = fitted(kind, params, [asked[at] for at in fold.learned])
        found += [losses(learner.chances(asked[at].x), asked[at].came) for at in fold.judged]
    return float(np.concatenate(found).mean())


def importance(learner: Fitted, x: FloatArray, came: FloatArray, names: Sequence[str]) -> Mapping[str, float]:
    """Return the permutation importance of each feature, largest first: the rise of the log loss after shuffling it."""
    rng = np.random.default_rng(_SEED)
    plain = float(losses(learner.chances(x), came).mean())
    found = {}
    for at, name in enumerate(names):
        shuffled, rises = x.copy(), []
        for _ in range(3):
            shuffled[at] = rng.permutation(x[at])
            rises.append(float(losses(learner.chances(shuffled), came).mean()) - plain)
        found[name] = float(np.mean(rises))
    return dict(sorted(found.items(), key=lambda one: -one[1]))
