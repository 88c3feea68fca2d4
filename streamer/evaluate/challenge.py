"""Compares challengers with the live predictions on a history: searched on its past, evaluated on later days.

The search ends before the first of two looks four weeks apart, and at least 90 days before the end of the history. For
each look, learners use only data known on its day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any, Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.challengers import kinds
from models.challengers.figures import Interval, gain, with_intervals
from models.challengers.folds import expanding
from models.challengers.hazards import (
    belief_of,
    by_cells,
    challenger_of,
    chances_by,
    closed,
    learned_with,
    search_count,
)
from models.challengers.search import Asked, Fitted, Way, fitted, importance, search
from models.challengers.verdict import LOOKS, LOOKS_APART, Verdict, verdict
from models.messages.translatable import translatable
from models.prediction.challenger import Challenger
from models.prediction.features import NAMES, features
from models.prediction.hazard import WEEK
from models.prediction.predictor import LATE_DAYS
from models.prediction.prior import shipped
from models.prediction.products import Pair
from models.prediction.records import Records
from models.prediction.recursion import Belief
from schemas.errors import UserError
from streamer.evaluate.activity import Activity
from streamer.evaluate.predictions import Orders, alive, panel_of, usual_basket

UNSEARCHED_DAYS: Final = 90
"""Days at the end of the history that no search uses."""
EVERY: Final = 14
"""Days between two questions to batch challengers."""
FOLDS: Final = 3
LIVE: Final = "live"
CELLS: Final = "cells"
HAZARD: Final = "hazard-pairs"
NAMES_OF_ALL: Final = (HAZARD, *kinds.KINDS)
_TOP: Final = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """Options of a challenge.

    Attributes
    ----------
    models
        Names of challengers, from NAMES_OF_ALL.
    horizon
        Days within which an order counts.
    border
        Minimum probability that counts as a predicted order, for accuracy, precision, recall and F1.
    prior, pairs
        Initial belief and products of the live model.
    """

    models: tuple[str, ...] = NAMES_OF_ALL
    way: Way = "grid"
    draws: int = 6
    horizon: int = 90
    border: float = 0.5
    prior: Belief | None = None
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Results of a method on held-out time.

    Attributes
    ----------
    figures
        Metrics at the last look, with intervals.
    gains
        Log-loss gain over the live model at each look.
    search_loss
        Mean log loss over the folds; None without a search.
    fit_seconds, score_us
        CPU seconds to learn for the last look, and CPU microseconds to score a customer; None if not measured
        separately.
    features
        The features or products it selected, if it selects.
    pairs
        The products of a weekly hazard.
    """

    name: str
    params: Mapping[str, Any]
    figures: Mapping[str, Interval]
    gains: tuple[Interval, ...]
    verdict: Verdict | None
    search_loss: float | None
    search_seconds: float
    fit_seconds: float
    score_us: float | None
    features: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """The results. ``search_until`` and ``looks`` are days; ``learners`` are the batch learners of the last look."""

    search_until: int
    looks: tuple[int, ...]
    customers: int
    base_rate: float
    rows: tuple[Row, ...]
    important: tuple[str, Mapping[str, float]]
    calibration: Mapping[str, list[tuple[float, float]]]
    proposal: Challenger | None
    learners: Mapping[str, Fitted]
    asked: Asked


@dataclass(frozen=True, slots=True)
class _World:
    """A history with its questions, and the days that separate search and evaluation."""

    asking: Asking
    weekly: list[Asked]
    long: list[Asked]
    looks: list[Asked]
    search_until: int

    @property
    def prior(self) -> Belief:
        return shipped() if self.asking.prior is None else self.asking.prior


def challenge(activity: Activity, asking: Asking, on_progress: Callable[[str], None]) -> Challenge:
    """Search, evaluate and compare.

    Raises
    ------
    UserError
        The history is too short.
    """
    world = _world(activity, asking)
    looks, learners = world.looks, dict[str, Fitted]()
    on_progress(LIVE)
    live = [_live(world, look) for look in looks]
    rows, said = _references(world, live), {LIVE: live[-1]}
    for name in asking.models:
        on_progress(name)
        row, chances, learner = (_hazard if name == HAZARD else _batch)(world, live, name)
        rows.append(row)
        said[name] = chances
        if learner is not None:
            learners[name] = learner
    proposal = None
    if (won := next((row for row in rows if row.verdict == "proposed"), None)) is not None:
        # These products were evaluated; the proposal itself has learned from every week.
        proposal = learned_with(world.weekly, won.pairs, shipped())
    best = min(learners, key=lambda name: _of(rows, name).figures["log_loss"].estimate, default="")
    important = (
        importance(learners[best], looks[-1].x, looks[-1].came, NAMES) if best and learners[best].learner else {}
    )
    return Challenge(
        world.search_until,
        tuple(look.day for look in looks),
        len(looks[-1].came),
        float(looks[-1].came.mean()),
        tuple(rows),
        (best, dict(list(important.items())[:_TOP])),
        {name: _calibration(chances, looks[-1].came) for name, chances in said.items() if name in (LIVE, HAZARD, best)},
        proposal,
        learners,
        looks[-1],
    )


def search_end(days: int, horizon: int) -> tuple[int, list[int]]:
    """Return the day on which the search ends, and the days of the looks, for a history of ``days`` days.

    >>> search_end(400, 90), search_end(400, 30)
    ((282, [282, 310]), (310, [342, 370]))
    """
    looks = [days - horizon - LOOKS_APART * back for back in reversed(range(LOOKS))]
    return min(looks[0], days - UNSEARCHED_DAYS), looks


def _world(activity: Activity, asking: Asking) -> _World:
    orders, panel = Orders(activity), panel_of(activity.customers)
    until, looks = search_end(orders.days, asking.horizon)
    long = list(questions(orders, panel, looks[-1], asking.horizon, EVERY))
    world = _World(
        asking,
        list(questions(orders, panel, orders.days, WEEK, WEEK)),
        long,
        [one for day in looks if (one := asked_of_all(orders, panel, day, asking.horizon)) is not None],
        until,
    )
    enough = closed(long, until, asking.horizon)
    folds = expanding([one.day for one in enough], asking.horizon + LATE_DAYS, FOLDS) if enough else []
    if not folds or len(world.looks) < LOOKS or any(len(np.unique(one.came)) < 2 for one in world.looks):
        raise UserError(
            translatable("challenge too short", days=orders.days),
            translatable("challenge too short fix", days=3 * asking.horizon + UNSEARCHED_DAYS + LOOKS_APART),
        )
    return world


def questions(orders: Orders, panel: IntArray, until: int, horizon: int, every: int) -> Iterator[Asked]:
    """Yield questions about the customers of a panel whose outcome is known at the start of ``until``."""
    records = Records.empty(orders.customers)
    for day in range(max(0, until - horizon - LATE_DAYS) + 1):
        if day % every == 0 and (one := asked_of(orders, records, panel, day, horizon)) is not None:
            yield one
        if day < orders.days:
            orders.note(records, day)


def asked_of_all(orders: Orders, panel: IntArray, day: int, horizon: int) -> Asked | None:
    """Return the question of a day about all customers who ordered in the last year, with the panel's usual basket."""
    records, everybody = orders.records(day), np.arange(orders.customers, dtype=np.int64)
    return asked_of(orders, records, everybody, day, horizon, usual_basket(records, panel, day))


def asked_of(
    orders: Orders, records: Records, among: IntArray, day: int, horizon: int, usual: float | None = None
) -> Asked | None:
    """Return the question of a day about those of ``among`` who ordered in the last year; None if there are none.

    Parameters
    ----------
    usual
        The shop's usual basket, minor units. Default: the median basket of the customers in the question.
    """
    who = among[alive(records, among, day)]
    if not len(who):
        return None
    known = records.of(who)
    known = known.against(known.median_basket if usual is None else usual)
    return Asked(day, features(known, day), orders.between(day, day + horizon)[who], known)


# -- methods --------------------------------------------------------------------------------------------------


def _live(world: _World, look: Asked) -> FloatArray:
    """Return the service's predictions on a day, from the recursion up to it."""
    pairs = world.asking.pairs
    weights = belief_of(closed(world.weekly, look.day, WEEK), pairs, world.prior).mean
    return chances_by(weights, pairs, look, world.asking.horizon)


def _references(world: _World, live: Sequence[FloatArray]) -> list[Row]:
    """Return the rows of the live model, and of the 25 cells that are its fallback."""
    asking, looks = world.asking, world.looks
    weekly, start = closed(world.weekly, looks[-1].day, WEEK), process_time()
    weights = belief_of(weekly, asking.pairs, world.prior).mean
    learned_in, start = process_time() - start, process_time()
    chances_by(weights, asking.pairs, looks[-1], asking.horizon)
    scored_in, start = process_time() - start, process_time()
    cells = [by_cells(closed(world.weekly, look.day, WEEK), look, asking.horizon) for look in looks]
    cells_in = (process_time() - start) / len(looks)
    each = 1e6 / len(looks[-1].came)
    return [
        Row(LIVE, {}, _judged(world, live[-1]), (), None, None, 0.0, learned_in, scored_in * each),
        Row(CELLS, {}, _judged(world, cells[-1]), _gains(live, cells, looks), None, None, 0.0, cells_in, None),
    ]


def _hazard(world: _World, live: Sequence[FloatArray], name: str) -> tuple[Row, FloatArray, Fitted | None]:
    horizon, prior = world.asking.horizon, shipped()
    enough = closed(world.long, world.search_until, horizon)
    folds = expanding([one.day for one in enough], horizon + LATE_DAYS, FOLDS)
    found = search_count(world.weekly, enough, folds, prior, horizon)
    chances, seconds, one = [], 0.0, None
    for look in world.looks:
        start = process_time()
        one = challenger_of(closed(world.weekly, look.day, WEEK), found.count, prior)
        seconds = process_time() - start
        chances.append(chances_by(one.belief.mean, one.pairs, look, horizon))
    assert one is not None
    gains = _gains(live, chances, world.looks)
    row = Row(
        name,
        {"products": found.count},
        _judged(world, chances[-1]),
        gains,
        verdict(gains, in_lanes=True),
        found.log_loss,
        found.seconds,
        seconds,
        _cost(world, lambda: chances_by(one.belief.mean, one.pairs, world.looks[-1], horizon)),
        tuple(f"{a} x {b}" for a, b in one.pairs),
        one.pairs,
    )
    return row, chances[-1], None


def _batch(world: _World, live: Sequence[FloatArray], name: str) -> tuple[Row, FloatArray, Fitted | None]:
    kind, asking = kinds.KINDS[name], world.asking
    enough = closed(world.long, world.search_until, asking.horizon)
    folds = expanding([one.day for one in enough], asking.horizon + LATE_DAYS, FOLDS)
    found = search(kind, enough, folds, asking.way, asking.draws)
    learners = [fitted(kind, found.params, closed(world.long, look.day, asking.horizon)) for look in world.looks]
    chances = [learner.chances(look.x) for learner, look in zip(learners, world.looks, strict=True)]
    gains, last = _gains(live, chances, world.looks), learners[-1]
    row = Row(
        name,
        found.params,
        _judged(world, chances[-1]),
        gains,
        verdict(gains, in_lanes=False),
        found.log_loss,
        found.seconds,
        last.seconds,
        _cost(world, lambda: last.chances(world.looks[-1].x)),
        tuple(kinds.chosen_features(last.learner, NAMES)) if name in kinds.CHOOSE else (),
    )
    return row, chances[-1], last


def _judged(world: _World, chances: FloatArray) -> Mapping[str, Interval]:
    return with_intervals(chances, world.looks[-1].came, world.asking.border)


def _gains(live: Sequence[FloatArray], other: Sequence[FloatArray], looks: Sequence[Asked]) -> tuple[Interval, ...]:
    return tuple(gain(one, two, look.came) for one, two, look in zip(live, other, looks, strict=True))


def _cost(world: _World, score: Callable[[], FloatArray]) -> float:
    """Return the CPU microseconds to score a customer."""
    start = process_time()
    score()
    return (process_time() - start) / len(world.looks[-1].came) * 1e6


def _calibration(chances: FloatArray, came: FloatArray) -> list[tuple[float, float]]:
    """Return mean probability and share of buyers, in ten groups of equal size by probability."""
    groups = np.array_split(np.argsort(chances, kind="stable"), 10)
    return [(float(chances[some].mean()), float(came[some].mean())) for some in groups if len(some)]


def _of(rows: Sequence[Row], name: str) -> Row:
    return next(row for row in rows if row.name == name)
