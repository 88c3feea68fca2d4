"""Evaluates a file: how well the segments of one day predict the next 90 days.

The references are batch K-means and recency-frequency cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.behaviour.bucket import B_MONEY, B_ORDERS
from models.behaviour.layout import NEW, FloatArray, IntArray, SingleArray
from models.behaviour.model import NEVER, ClusterModel, Preset
from models.learning.build import Sample
from models.learning.frame import into_frame
from models.learning.frame_selection import why
from models.learning.kmeans import multi_start, nearest
from models.learning.learner import LearnerConfig
from models.messages.count import Count
from schemas.errors import UserError
from streamer.evaluate import metrics
from streamer.evaluate.activity import Activity
from streamer.evaluate.bench import Run, play
from streamer.evaluate.future import explained, thirds

FOLLOWING_DAYS = 90
OFF = Preset(h=0.0, theta=1e-9, eta=NEVER, volume_h=0.0, volume_theta=1e-9)
"""Disables hysteresis: each customer is in the nearest segment every day."""


@dataclass(frozen=True, slots=True)
class Retail:
    """The results of a file.

    Attributes
    ----------
    rows
        For each division of the customers: name, eta^2 of log(1 + spend) and AUC of "buys again" in the next 90 days,
        and number of groups.
    as_of
        Grid day number of the division.
    customers
        Customers with a segment that day.
    bounce
        Share of moves undone within 30 days, from the first frame on.
    stale
        Share of labels that an exact re-score at the end changes, without hysteresis.
    frame, why
        The frame in force at the end, and the reason for its selection.
    moves
        Moves per 1,000 customer-months.
    cards
        Name, customers, share of the next 90 days' spend, and typical values of each segment on that day.
    """

    rows: list[tuple[str, float, float, int]]
    as_of: int
    customers: int
    bounce: float
    stale: float
    frame: str
    why: str
    moves: float
    cards: list[dict[str, object]]


def evaluate(activity: Activity, config: LearnerConfig, as_of: int, seed: int = 1) -> Retail:
    """Play the whole file, take the segments of day ``as_of`` (from 0), and compare.

    Raises
    ------
    UserError
        No clusters by that day, or fewer than 90 days of data after it.
    """
    if as_of + FOLLOWING_DAYS > activity.days:
        raise UserError(
            f"only {Count(activity.days - as_of):|day} of data {Count(activity.days - as_of):~follows|follow} that day",
            f"choose an --as-of at least {FOLLOWING_DAYS} days before the end",
        )
    on = play(activity, config, look_days=(as_of, activity.days))
    off = play(activity, replace(config, preset=OFF), look_days=(as_of, activity.days))
    model = _in_force(on, activity.first_day + as_of)
    if model is None:
        raise UserError("there are no clusters on that day yet", "choose a later --as-of, or use a longer file")
    chosen, stats, place = _clustered(on, off, activity, as_of)
    spend, orders = _following(activity, as_of)
    recency, frequency = _recency_frequency(activity, as_of)
    codes = on.labels[as_of, chosen].astype(np.int64)
    model_off = _in_force(off, activity.first_day + as_of)
    assert model_off is not None
    z_off = into_frame(_features(stats, model_off), model_off.frame)[place]
    divisions: list[tuple[str, IntArray]] = [
        ("segments", codes),
        ("segments, hysteresis off", off.labels[as_of, chosen].astype(np.int64)),
        ("batch K-means, same features and k", multi_start(z_off, model_off.k, np.random.default_rng(seed)).labels),
        ("nine cells of recency and frequency thirds", thirds(recency[chosen], frequency[chosen])),
    ]
    rows = []
    for name, labels in divisions:
        eta, area = explained(labels, spend[chosen], orders[chosen])
        rows.append((name, eta, area, len(np.unique(labels))))
    reasons = [text for text in (why(figures) for _, figures in on.figures) if text]
    return Retail(
        rows=rows,
        as_of=activity.first_day + as_of,
        customers=len(chosen),
        bounce=_bounce(on, activity),
        stale=_stale(off, activity),
        frame=model.frame.kind,
        why=reasons[-1] if reasons else "no two frames to choose between",
        moves=_moves_per_month(on, activity),
        cards=_cards(model, codes, spend[chosen]),
    )


def _in_force(run: Run, day: int) -> ClusterModel | None:
    return next((model for first, model in reversed(run.timeline) if first <= day), None)


def _features(stats: SingleArray, model: ClusterModel) -> FloatArray:
    return Sample(0, stats.astype(np.float64), np.zeros(0), ()).features(model.frame)


def _clustered(on: Run, off: Run, activity: Activity, day: int) -> tuple[IntArray, SingleArray, IntArray]:
    """Return the customers with a segment in both runs, all statistics, and the customers' indices in them."""
    look = off.noise_samples[day]
    place = {customer: at for at, customer in enumerate(look.customers)}
    chosen = np.flatnonzero((on.labels[day] > NEW) & (off.labels[day] > NEW))
    if not chosen.size:
        raise UserError("no customer is in a segment on that day", "choose a later --as-of, or use a longer file")
    return (
        np.asarray(chosen, dtype=np.int64),
        look.stats,
        np.array([place[activity.customers[at]] for at in chosen.tolist()]),
    )


def _following(activity: Activity, day: int) -> tuple[FloatArray, FloatArray]:
    """Return the net spend and order counts of each customer in the 90 days from ``day`` on."""
    spend, orders = np.zeros(len(activity.customers)), np.zeros(len(activity.customers))
    rows = (activity.day >= day) & (activity.day < day + FOLLOWING_DAYS)
    np.add.at(spend, activity.customer[rows], activity.buckets[rows, B_MONEY])
    np.add.at(orders, activity.customer[rows], np.maximum(activity.buckets[rows, B_ORDERS], 0.0))
    return spend, orders


def _recency_frequency(activity: Activity, day: int) -> tuple[FloatArray, FloatArray]:
    """Return the days since the last order and the number of orders before ``day``."""
    rows = (activity.day < day) & (activity.buckets[:, B_ORDERS] > 0)
    last = np.zeros(len(activity.customers))
    np.maximum.at(last, activity.customer[rows], activity.day[rows])
    count = np.zeros(len(activity.customers))
    np.add.at(count, activity.customer[rows], activity.buckets[rows, B_ORDERS])
    return day - last, count


def _bounce(run: Run, activity: Activity) -> float:
    """Return the share of moves undone within 30 days, from the first frame on."""
    first = run.timeline[0][0] - activity.first_day
    return metrics.bounce(run.labels, first)


def _stale(off: Run, activity: Activity) -> float:
    """Return the share of labels that an exact scoring of all customers at the end would change."""
    model = _in_force(off, activity.first_day + activity.days)
    assert model is not None
    look = off.noise_samples[activity.days]
    place = {customer: at for at, customer in enumerate(activity.customers)}
    rows = np.array([place[customer] for customer in look.customers])
    centroids = np.array([s.centroid for s in model.segments])
    exact = nearest(into_frame(_features(look.stats, model), model.frame), centroids).labels
    codes = np.array([s.code for s in model.segments])[exact]
    labelled = off.labels[activity.days, rows] > NEW
    return float((codes[labelled] != off.labels[activity.days, rows][labelled]).mean())


def _moves_per_month(run: Run, activity: Activity) -> float:
    first = run.timeline[0][0] - activity.first_day
    at, _, _, _ = metrics.moves_of(run.labels, first)
    months = float((run.labels[first:] > NEW).sum()) / 30.44
    return 1_000 * len(at) / max(months, 1.0)


def _cards(model: ClusterModel, codes: IntArray, spend: FloatArray) -> list[dict[str, object]]:
    """Return cards of the day's segments, by later spend per customer, largest first."""
    total = max(float(np.maximum(spend, 0).sum()), 1.0)
    cards: list[dict[str, object]] = []
    for segment in model.segments:
        mine = codes == segment.code
        if mine.any():
            cards.append(
                {
                    "name": segment.name,
                    "customers": int(mine.sum()),
                    "next_spend_share": float(np.maximum(spend[mine], 0).sum()) / total,
                    "next_spend_each": float(spend[mine].mean()),
                    "typical": dict(segment.typical),
                }
            )
    return sorted(cards, key=lambda card: -float(str(card["next_spend_each"])))
