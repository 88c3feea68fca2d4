"""The batch challengers: scikit-learn learners, with the settings to search.

All of them predict an order within the horizon from the features of the day of the question. Lanes cannot score them;
they show how much the live model could still improve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from models.messages.translatable import translatable
from schemas.errors import UserError

Params = Mapping[str, Any]
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of learner.

    Attributes
    ----------
    make
        Creates a learner with given settings; it has ``fit(rows, came)`` and ``predict_proba(rows)``, with rows of
        shape (n, features).
    grid
        Values of each setting. For an ``open`` setting, the random search also draws values between them, on a log
        scale.
    open
        Names of settings that are real numbers.
    most_rows
        Maximum number of rows to learn from, drawn at random; for learners with quadratic cost.
    """

    name: str
    make: Callable[[Params], Any]
    grid: Mapping[str, tuple[Any, ...]]
    open: tuple[str, ...] = ()
    most_rows: int | None = None


def require_sklearn() -> None:
    """Raise UserError if the extra ``evaluate`` is not installed."""
    try:
        import sklearn
    except ImportError:
        raise UserError(translatable("challenge no sklearn"), translatable("challenge no sklearn fix")) from None
    del sklearn


def _scaled(*steps: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), *steps)


def _tree(params: Params) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(random_state=_SEED, **params)


def _forest(params: Params, trees: int = 150) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(trees, random_state=_SEED, **params)


def _boosting(params: Params) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=80, early_stopping=False, random_state=_SEED, **params)


def _logistic(params: Params, lasso: bool = False) -> Any:
    from sklearn.linear_model import LogisticRegression

    if lasso:
        return LogisticRegression(l1_ratio=1.0, solver="liblinear", random_state=_SEED, **params)
    return LogisticRegression(max_iter=500, **params)


def _regression(params: Params, lasso: bool = False) -> Any:
    return _scaled(_logistic(params, lasso))


def _svm(params: Params, kernel: str = "rbf") -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return _scaled(CalibratedClassifierCV(SVC(kernel=kernel, **params), method="sigmoid", cv=3))


def _mlp(params: Params) -> Any:
    from sklearn.neural_network import MLPClassifier

    return _scaled(
        MLPClassifier(
            (32, 16), learning_rate_init=0.01, early_stopping=True, max_iter=120, random_state=_SEED, **params
        )
    )


def _stacking(params: Params) -> Any:
    from sklearn.ensemble import StackingClassifier

    members = [
        ("forest", _forest({"min_samples_leaf": 20}, 80)),
        ("logistic", _regression({"C": 1.0})),
        ("boosting", _boosting({"learning_rate": 0.05, "max_leaf_nodes": 8})),
    ]
    return StackingClassifier(members, _logistic(params), cv=3)


def _filter(params: Params) -> Any:
    """Select the features with the largest mutual information with the outcome, each on its own."""
    from sklearn.feature_selection import SelectKBest, mutual_info_classif

    # The estimate adds noise to break ties, so fix its seed.
    return _scaled(SelectKBest(partial(mutual_info_classif, random_state=_SEED), **params), _logistic({"C": 1.0}))


def _wrapper(params: Params) -> Any:
    """Remove the least useful feature repeatedly (recursive elimination)."""
    from sklearn.feature_selection import RFE

    return _scaled(RFE(_logistic({"C": 1.0}), **params), _logistic({"C": 1.0}))


def _embedded(params: Params) -> Any:
    """Select the features with the largest weights in a logistic regression with L1 penalty."""
    from sklearn.feature_selection import SelectFromModel

    chosen = SelectFromModel(_logistic({"C": 0.1}, True), threshold=-math.inf, **params)
    return _scaled(chosen, _logistic({"C": 1.0}))


def _components(params: Params) -> Any:
    from sklearn.decomposition import PCA

    return _scaled(PCA(random_state=_SEED, **params), _logistic({"C": 1.0}))


def _products(params: Params) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    # `liblinear` depends on the scale of its input, so scale the products of scaled features again.
    return make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler(), _logistic(params, True)
    )


_LEAVES: Final = (10, 30, 80)
_RIDGES: Final = (0.01, 0.1, 1.0, 10.0)
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("tree", _tree, {"max_depth": (3, 5, 8), "min_samples_leaf": _LEAVES}),
        Kind("forest", _forest, {"max_features": ("sqrt", 0.6), "min_samples_leaf": (5, 20, 60)}),
        Kind("boosting", _boosting, {"learning_rate": (0.03, 0.1), "max_leaf_nodes": (4, 8, 16)}, ("learning_rate",)),
        Kind("logistic-l1", partial(_regression, lasso=True), {"C": _RIDGES}, ("C",)),
        Kind("logistic-l2", _regression, {"C": _RIDGES}, ("C",)),
        Kind("svm-linear", partial(_svm, kernel="linear"), {"C": (0.1, 1.0)}, ("C",), 1_500),
        Kind("svm-rbf", _svm, {"C": (0.3, 3.0), "gamma": (0.01, 0.05)}, ("C", "gamma"), 1_500),
        Kind("mlp", _mlp, {"alpha": (1e-3, 1e-1)}, ("alpha",)),
        Kind("stacking", _stacking, {"C": (0.1, 1.0)}, ("C",)),
        Kind("filter", _filter, {"k": (3, 5, 9)}, (), 6_000),
        Kind("wrapper", _wrapper, {"n_features_to_select": (3, 5, 9)}),
        Kind("embedded", _embedded, {"max_features": (3, 5, 9)}),
        Kind("pca", _components, {"n_components": (2, 4, 6)}),
        Kind("products", _products, {"C": (0.003, 0.03)}, ("C",)),
    )
}
"""Kinds by name, in the order of the table. The last five select or combine features of a logistic regression."""
CHOOSE: Final = ("logistic-l1", "filter", "wrapper", "embedded", "products")
"""Kinds that select or combine features, so that a report can list them."""


def chosen_features(fitted: Any, names: tuple[str, ...]) -> list[str]:
    """Return the features that a fitted selection or lasso uses; empty if it uses all of them, or combinations."""
    steps = [step for _, step in getattr(fitted, "steps", [])]
    for step in steps:
        if hasattr(step, "get_support"):
            return [name for name, stays in zip(names, step.get_support(), strict=True) if stays]
        if hasattr(step, "get_feature_names_out") and hasattr(step, "powers_"):
            combined = step.get_feature_names_out(list(names)).tolist()
            weights = steps[-1].coef_[0].tolist()
            order = sorted(zip(combined, weights, strict=True), key=lambda one: -abs(one[1]))
            return [name.replace(" ", " x ") for name, weight in order if weight != 0.0][:12]
    weights = getattr(steps[-1], "coef_", None) if steps else None
    if weights is None or (weights != 0.0).all():
        return []
    return [name for name, weight in zip(names, weights[0].tolist(), strict=True) if weight != 0.0]
