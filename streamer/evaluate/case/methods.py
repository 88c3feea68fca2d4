"""Methods that predict high-value customers: single columns, clusters, and scikit-learn classifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.prediction.judge import losses
from models.prediction.model import HORIZON
from schemas.errors import UserError
from streamer.evaluate.case.questions import FEATURES, HABITS, Asked, Question

CLUSTERS: Final = 6
FOREST: Final = "random forest"
CLUSTERS_AND_FOREST: Final = "K-means and random forest"
REGRESSION: Final = "logistic regression"
SPEND: Final = "spend so far, one column"
_SEED: Final = 1
_TREES: Final = 300
_LEAF: Final = 10
"""Minimum number of rows in a leaf; a customer has up to six rows."""
_SVM_ROWS: Final = 3_000
_HABITS: Final = [FEATURES.index(name) for name in HABITS]


@dataclass(frozen=True, slots=True)
class Scored:
    """A method's scores of the evaluated customers, (n,); higher is better. ``is_chance`` marks probabilities."""

    method: str
    score: FloatArray
    is_chance: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Features (n, d) and outcomes (n,) of one or more questions."""

    x: FloatArray
    y: FloatArray


def scikit_learn() -> None:
    """Check that scikit-learn is installed.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise UserError("scikit-learn is not installed", "run `pip install scikit-learn`") from None


def rows_of(questions: Sequence[Question], answer: Callable[[Question], FloatArray]) -> Rows:
    """Return the rows of several questions."""
    return Rows(np.concatenate([one.x for one in questions]), np.concatenate([answer(one) for one in questions]))


def columns(asked: Asked) -> Iterator[Scored]:
    """Yield rankings by a single column, without a model."""
    for method, name, sign in (
        ("latest buyers first", "recency", -1.0),
        ("number of orders", "orders", 1.0),
        (SPEND, "spend", 1.0),
        ("fading spend, one column", "fading_spend_120", 1.0),
    ):
        yield Scored(method, sign * asked.judged.column(name), False)


def learned(asked: Asked, answer: Callable[[Question], FloatArray], on_progress: Callable[[str], None]) -> list[Scored]:
    """Return the scores of all methods that learn, each from the earlier questions alone."""
    train, x = rows_of(asked.earlier, answer), asked.judged.x
    latest = asked.earlier[0]
    # Outcomes of these questions were known on the day of the latest training question.
    before = rows_of([one for one in asked.earlier if one.day + HORIZON <= latest.day], answer)
    held = Rows(latest.x, answer(latest))
    labels, of_judged = clusters(train.x, x)
    found = [Scored("K-means alone", _share_by_cluster(labels, train.y)[of_judged], True)]
    with_clusters = [np.column_stack([one, np.eye(CLUSTERS)[at]]) for one, at in ((train.x, labels), (x, of_judged))]

    def fit(method: str, model: Any) -> None:
        on_progress(method)
        found.append(Scored(method, _chances(model, train, x), True))

    fit("decision tree, depth 5", _tree())
    fit(FOREST, forest())
    on_progress(CLUSTERS_AND_FOREST)
    found.append(
        Scored(CLUSTERS_AND_FOREST, _chances(forest(), Rows(with_clusters[0], train.y), with_clusters[1]), True)
    )
    on_progress("grid search")
    options = _searched(before, held)
    words = ", ".join(f"{name} {value}" for name, value in options.items())
    found.append(Scored("forest, grid search", _chances(forest(**options), train, x), True, words))
    fit(REGRESSION, regression())
    lasso = _scaled_logistic(l1_ratio=1.0, solver="liblinear", C=0.05)
    fit("the same, L1", lasso)
    kept = int((np.abs(lasso[-1].coef_) > 0).sum())
    found[-1] = Scored(found[-1].method, found[-1].score, True, f"{kept} of {len(FEATURES)} features kept")
    fit("MLP, 32 and 16", _mlp())
    fit("gradient boosting", _boosting())
    on_progress("SVM")
    found.append(Scored("SVM, RBF", _chances(_svm(), _some(train, _SVM_ROWS), x), True, f"of {_SVM_ROWS:,} rows"))
    on_progress("stacking")
    found.append(Scored("stacking", _stacked(before, held, train, x), True, "forest, regression, boosting"))
    for parts in (2, 4, 6):
        fit(f"PCA {parts} and regression", _pca(parts))
    fit("filter: 5 by mutual information", _filter(train))
    fit("wrapper: forward, 5", _wrapper(before, held))
    return found


def clusters(past: FloatArray, now: FloatArray) -> tuple[IntArray, IntArray]:
    """Cluster standardised habits by K-means; return the cluster of each row of the past, and of now."""
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(past[:, _HABITS])
    model = KMeans(CLUSTERS, n_init=10, random_state=_SEED).fit(scaler.transform(past[:, _HABITS]))
    return model.labels_.astype(np.int64), model.predict(scaler.transform(now[:, _HABITS])).astype(np.int64)


def forest(**options: Any) -> Any:
    """Return an unfitted random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        **{"n_estimators": _TREES, "min_samples_leaf": _LEAF, "random_state": _SEED} | options
    )


def regression(ridge: float = 1.0) -> Any:
    """Return an unfitted logistic regression of standardised features."""
    return _scaled_logistic(C=1.0 / ridge, max_iter=500)


def _scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _scaled_logistic(**options: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(random_state=_SEED, **options))


def _tree() -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=5, min_samples_leaf=_LEAF, random_state=_SEED)


def _mlp() -> Any:
    from sklearn.neural_network import MLPClassifier

    return _scaled(MLPClassifier((32, 16), alpha=1.0, max_iter=60, early_stopping=True, random_state=_SEED))


def _boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(learning_rate=0.1, max_iter=100, random_state=_SEED)


def _svm() -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return _scaled(CalibratedClassifierCV(SVC(random_state=_SEED), ensemble=False, cv=3))


def _pca(parts: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(), PCA(parts, random_state=_SEED), LogisticRegression(max_iter=500, random_state=_SEED)
    )


def _picked(columns: IntArray) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(ColumnTransformer([("kept", "passthrough", columns.tolist())]), regression())


def _filter(train: Rows) -> Any:
    from sklearn.feature_selection import mutual_info_classif

    found = mutual_info_classif(train.x, train.y, random_state=_SEED)
    return _picked(np.sort(np.argsort(-found, kind="stable")[:5]).astype(np.int64))


def _wrapper(before: Rows, held: Rows) -> Any:
    """Select five features, one by one, each the most helpful on the held-out question."""
    kept: list[int] = []
    while len(kept) < 5:
        loss = {
            at: _loss(regression(), Rows(before.x[:, [*kept, at]], before.y), Rows(held.x[:, [*kept, at]], held.y))
            for at in range(len(FEATURES))
            if at not in kept
        }
        kept.append(min(loss, key=loss.__getitem__))
    return _picked(np.array(sorted(kept)))


def _searched(before: Rows, held: Rows) -> dict[str, Any]:
    """Return the forest options with the smallest log loss on the held-out question."""
    grid = [{"min_samples_leaf": leaf, "max_features": share} for leaf, share in product((5, 20, 50), ("sqrt", 0.5))]
    loss = [_loss(forest(n_estimators=100, **options), before, held) for options in grid]
    return grid[int(np.argmin(loss))]


def _stacked(before: Rows, held: Rows, train: Rows, x: FloatArray) -> FloatArray:
    """Return the probabilities of a regression of three methods' log-odds, fitted on the held-out question."""
    from sklearn.linear_model import LogisticRegression

    makers = (forest, regression, _boosting)
    said = np.column_stack([_log_odds(_chances(make(), before, held.x)) for make in makers])
    above = LogisticRegression(random_state=_SEED).fit(said, held.y)
    now = np.column_stack([_log_odds(_chances(make(), train, x)) for make in makers])
    found: FloatArray = above.predict_proba(now)[:, 1]
    return found


def _loss(model: Any, before: Rows, held: Rows) -> float:
    return float(losses(_chances(model, before, held.x), held.y).mean())


def _chances(model: Any, train: Rows, x: FloatArray) -> FloatArray:
    found: FloatArray = model.fit(train.x, train.y).predict_proba(x)[:, 1]
    return found


def _log_odds(chances: FloatArray) -> FloatArray:
    p = np.clip(chances, 1e-4, 1.0 - 1e-4)
    found: FloatArray = np.log(p / (1.0 - p))
    return found


def _share_by_cluster(labels: IntArray, y: FloatArray) -> FloatArray:
    """Return the share of positive outcomes in each cluster, (CLUSTERS,)."""
    found: FloatArray = np.bincount(labels, weights=y, minlength=CLUSTERS) / np.maximum(
        np.bincount(labels, minlength=CLUSTERS), 1
    )
    return found


def _some(rows: Rows, most: int) -> Rows:
    chosen = np.random.default_rng(_SEED).permutation(len(rows.y))[:most]
    return Rows(rows.x[chosen], rows.y[chosen])
