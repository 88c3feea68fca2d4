"""The whole case: questions, methods, reach within a budget, and the effects that a campaign could prove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.bucket import B_MONEY
from models.behaviour.layout import FloatArray
from models.prediction.dropout import fitted
from models.prediction.hazard import within
from models.prediction.judge import auc, judge
from models.prediction.model import HORIZON
from models.prediction.prior import shipped, shipped_dropout
from streamer.evaluate.activity import Activity
from streamer.evaluate.case import campaign, methods
from streamer.evaluate.case.cleaning import Fact
from streamer.evaluate.case.questions import FEATURES, Asked, asked
from streamer.evaluate.predictions import Orders, beliefs, panel_of, usual_basket

BUDGET: Final = 0.2
"""Share of the customers that the budget reaches."""
_DRAWS: Final = 1_000
_SEED: Final = 1
_SHUFFLES: Final = 3
_GROUPS: Final = 10


@dataclass(frozen=True, slots=True)
class Row:
    """Metrics of a method; ``brier`` and ``ece`` only for probabilities.

    Attributes
    ----------
    precision, recall, f1
        Metrics of the customers whom the budget reaches.
    reached
        Their share of all spend in the next 90 days.
    """

    method: str
    auc: float
    brier: float | None
    ece: float | None
    precision: float
    recall: float
    f1: float
    reached: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference in AUC between two methods, with its 95 % interval over customers."""

    method: str
    against: str
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: number of customers, share of high value, and mean spend in the next 90 days, major units."""

    customers: int
    high: float
    spend_each: float


@dataclass(frozen=True, slots=True)
class Case:
    """All results of the case; money in major units.

    Attributes
    ----------
    day
        Grid day of the evaluated question.
    customers, training_rows
        Number of evaluated customers, and of rows of the earlier questions.
    border, high_share
        Minimum spend of a high-value customer, and the actual share of such customers.
    rows, again
        Results of the methods for "high value", and for "orders again".
    calibration
        Predicted and actual share in ten groups of the forest's probabilities.
    importance
        Loss of the forest's AUC when a feature is shuffled among customers.
    chosen, everybody
        Costs and earnings of a campaign to the customers chosen by the forest, and to all.
    """

    day: int
    customers: int
    training_rows: int
    border: float
    high_share: float
    budget: int
    cleaned: list[Fact]
    rows: list[Row]
    again: list[Row]
    differences: list[Difference]
    clusters: list[Cluster]
    calibration: list[tuple[float, float]]
    importance: list[tuple[str, float]]
    chosen: campaign.Reach
    everybody: campaign.Reach
    proofs: list[campaign.Proof]
    planted: campaign.Planted


def study(
    activity: Activity, day: int, unit: float, cleaned: Sequence[Fact], on_progress: Callable[[str], None]
) -> Case:
    """Run the case on a day of a history, counted from its first day.

    Parameters
    ----------
    unit
        Minor units per major unit of the shop's currency.

    Raises
    ------
    UserError
        scikit-learn is not installed, or there are too few days or customers.
    """
    methods.scikit_learn()
    from threadpoolctl import threadpool_limits

    # On a busy machine more threads wait for each other and cost several times the CPU.
    with threadpool_limits(limits=1):
        return _studied(activity, day, unit, cleaned, on_progress)


def _studied(
    activity: Activity, day: int, unit: float, cleaned: Sequence[Fact], on_progress: Callable[[str], None]
) -> Case:
    on_progress("asking")
    all_asked = asked(activity, day, unit)
    now = all_asked.judged
    high, spend, budget = all_asked.high(now), np.maximum(now.spend, 0.0), round(BUDGET * len(now.customers))
    of_service = _of_service(activity, all_asked)
    scored = [*methods.columns(all_asked), of_service[1], *methods.learned(all_asked, all_asked.high, on_progress)]
    by_name = {one.method: one.score for one in scored}
    forest = by_name[methods.FOREST]
    order = np.argsort(-forest, kind="stable")[:budget]
    on_progress("who orders again")
    return Case(
        day=activity.first_day + day,
        customers=len(now.customers),
        training_rows=sum(len(one.customers) for one in all_asked.earlier),
        border=all_asked.border,
        high_share=float(high.mean()),
        budget=budget,
        cleaned=list(cleaned),
        rows=[_by_chance(high, budget), *(_row(one, high, spend, budget) for one in scored)],
        again=[
            _by_chance(now.came, budget),
            *(_row(one, now.came, spend, budget) for one in _again(all_asked, of_service[0])),
        ],
        differences=[
            _difference(by_name, high, methods.FOREST, methods.SPEND),
            _difference(by_name, high, methods.REGRESSION, methods.FOREST),
        ],
        clusters=_clusters(all_asked, high),
        calibration=_groups(forest, high),
        importance=_importance(all_asked, high),
        chosen=campaign.reach(now.spend[order]),
        everybody=campaign.reach(now.spend),
        proofs=campaign.proofs(now.spend[order], np.expm1(now.column("fading_spend_120")[order])),
        planted=campaign.planted(now.came[order]),
    )


def _of_service(activity: Activity, all_asked: Asked) -> tuple[methods.Scored, methods.Scored]:
    """Return the service's own predictions: the probability of an order within 90 days, and the expected spend."""
    now, orders = all_asked.judged, Orders(activity)
    panel, records = panel_of(activity.customers), orders.records(now.day)
    known = records.of(now.customers).against(usual_basket(records, panel, now.day))
    belief = beliefs(orders, panel, now.day, shipped())[-1][1]
    spend = np.zeros(len(activity.customers))
    before = activity.day < now.day
    np.add.at(spend, activity.customer[before], activity.buckets[before, B_MONEY])
    dropout = fitted(known, spend[now.customers], now.day, shipped_dropout()[0])
    worth = dropout.expected_orders(known, now.day, HORIZON) * dropout.expected_basket(
        known.orders, spend[now.customers]
    )
    chance = within(belief.mean, known, now.day, HORIZON)
    return (
        methods.Scored("p_buy_90d of this service", chance, True),
        methods.Scored("expected_spend_90d of this service", worth, False),
    )


def _again(all_asked: Asked, of_service: methods.Scored) -> list[methods.Scored]:
    """Return the scores of all methods for an order within 90 days."""
    train, x = methods.rows_of(all_asked.earlier, lambda one: one.came), all_asked.judged.x
    found = [*methods.columns(all_asked)]
    for name, model in ((methods.FOREST, methods.forest()), (methods.REGRESSION, methods.regression())):
        found.append(methods.Scored(name, model.fit(train.x, train.y).predict_proba(x)[:, 1], True))
    return [*found, of_service]


def _row(scored: methods.Scored, truth: FloatArray, spend: FloatArray, budget: int) -> Row:
    top = np.argsort(-scored.score, kind="stable")[:budget]
    precision, recall, f1 = _hits(float(truth[top].sum()), budget, float(truth.sum()))
    judged = judge(scored.score, truth) if scored.is_chance else None
    return Row(
        scored.method,
        auc(scored.score, truth),
        judged.brier if judged else None,
        judged.ece if judged else None,
        precision,
        recall,
        f1,
        float(spend[top].sum() / max(float(spend.sum()), 1e-9)),
        scored.note,
    )


def _by_chance(truth: FloatArray, budget: int) -> Row:
    """Return the expected metrics of a random draw of customers."""
    share = budget / len(truth)
    precision, recall, f1 = _hits(share * float(truth.sum()), budget, float(truth.sum()))
    return Row("at random", 0.5, None, None, precision, recall, f1, share)


def _hits(hits: float, budget: int, positives: float) -> tuple[float, float, float]:
    precision, recall = hits / budget, hits / max(positives, 1e-9)
    return precision, recall, 2.0 * hits / max(budget + positives, 1e-9)


def _difference(scores: dict[str, FloatArray], truth: FloatArray, one: str, other: str) -> Difference:
    """Compare two methods by a paired bootstrap over customers."""
    rng, found = np.random.default_rng(_SEED), []
    for _ in range(_DRAWS):
        drawn = rng.integers(len(truth), size=len(truth))
        found.append(auc(scores[one][drawn], truth[drawn]) - auc(scores[other][drawn], truth[drawn]))
    low, high = np.quantile(found, (0.025, 0.975)).tolist()
    return Difference(one, other, auc(scores[one], truth) - auc(scores[other], truth), low, high)


def _clusters(all_asked: Asked, high: FloatArray) -> list[Cluster]:
    """Return the clusters on the evaluated day, by mean later spend, largest first."""
    past = np.concatenate([one.x for one in all_asked.earlier])
    labels = methods.clusters(past, all_asked.judged.x)[1]
    found = [
        Cluster(int(mine.sum()), float(high[mine].mean()), float(all_asked.judged.spend[mine].mean()))
        for mine in (labels == label for label in range(methods.CLUSTERS))
        if mine.any()
    ]
    return sorted(found, key=lambda one: -one.spend_each)


def _groups(chances: FloatArray, truth: FloatArray) -> list[tuple[float, float]]:
    groups = np.array_split(np.argsort(chances, kind="stable"), _GROUPS)
    return [(float(chances[group].mean()), float(truth[group].mean())) for group in groups if len(group)]


def _importance(all_asked: Asked, high: FloatArray) -> list[tuple[str, float]]:
    train, now = methods.rows_of(all_asked.earlier, all_asked.high), all_asked.judged
    model = methods.forest(n_estimators=100).fit(train.x, train.y)
    whole, rng, found = auc(model.predict_proba(now.x)[:, 1], high), np.random.default_rng(_SEED), []
    for at, name in enumerate(FEATURES):
        falls = []
        for _ in range(_SHUFFLES):
            x = now.x.copy()
            x[:, at] = rng.permutation(x[:, at])
            falls.append(whole - auc(model.predict_proba(x)[:, 1], high))
        found.append((name, float(np.mean(falls))))
    return sorted(found, key=lambda one: -one[1])
