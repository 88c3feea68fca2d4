"""Other clusterers on the same stream: River's, which learn and predict event by event, and scikit-learn's at the end.

River's clusterers get the features of the design notes: seven features of 25 days of memory behind a live
``StandardScaler``. Each learns and predicts once per customer and active day, so labels change at most once a day,
which is in their favour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.behaviour.bucket import B_DISCOUNTED, B_INTERACTIONS, B_LOGS, B_MONEY, B_ORDERS, B_WIDTH
from models.behaviour.layout import CATEGORIES, NEW, BoolArray, FloatArray, IntArray
from models.behaviour.model import Evidence
from streamer.evaluate.activity import Activity
from streamer.evaluate.metrics import Labels

HALF_LIFE: Final = 25.0
KEYS: Final = ("recency", "frequency", "money", "basket", "browse", "breadth", "discount")


@dataclass(frozen=True, slots=True)
class Peer:
    """One of River's clusterers; ``slow`` ones run on fewer customers than the segments."""

    name: str
    make: Callable[[int, int], Any]
    slow: bool = True


def _river(kind: str, **options: Any) -> Callable[[int, int], Any]:
    def make(k: int, seed: int) -> Any:
        from river import cluster

        given = {name: value for name, value in options.items() if name != "k"}
        if "k" in options:
            given[options["k"]] = k
        if "seed" in given:
            given["seed"] = seed
        return getattr(cluster, kind)(**given)

    return make


def _ours(k: int, seed: int) -> Any:
    from models.learning.panel_kmeans import PanelKMeans

    return PanelKMeans(n_clusters=k, every=500, seed=seed)


TUNED: Final = Peer(
    "River KMeans, tuned (halflife .005)", _river("KMeans", k="n_clusters", halflife=0.005, seed=1), slow=False
)
"""The calmest of River's clusterers that still follows the stream; the reference for ``calmer``."""
PEERS: Final = (
    Peer("River KMeans, default", _river("KMeans", k="n_clusters", seed=1), slow=False),
    TUNED,
    Peer("River STREAMKMeans", _river("STREAMKMeans", k="n_clusters", chunk_size=500, seed=1)),
    Peer(
        "River CluStream, 50 micro-clusters",
        _river("CluStream", k="n_macro_clusters", max_micro_clusters=50, seed=1),
    ),
    Peer("River DenStream, epsilon .6", _river("DenStream", epsilon=0.6)),
    Peer("River DBSTREAM, radius 2", _river("DBSTREAM", clustering_threshold=2.0)),
    Peer("PanelKMeans (ours) in their place", _ours),
)


def stream(peer: Peer, activity: Activity, k: int, seed: int) -> Labels:
    """Return the labels (days + 1, customers) that a peer would publish; code 2 + cluster, 1 before its first label."""
    from river import preprocessing

    model: Any = peer.make(k, seed)
    scaler: Any = preprocessing.StandardScaler()
    x = features(activity)
    labels = np.zeros((activity.days + 1, len(activity.customers)), dtype=np.int16)
    now = np.zeros(len(activity.customers), dtype=np.int16)
    edges = activity.edges
    for day in range(activity.days):
        for at in range(int(edges[day]), int(edges[day + 1])):
            # Use numbers as keys: River's K-means draws centres in the order of a set of keys, which for texts differs
            # between processes.
            row = dict(enumerate(x[at].tolist()))
            scaler.learn_one(row)
            # Pass a new mapping each time, because some clusterers store it.
            model.learn_one(scaler.transform_one(row))
            label = _predicted(model, scaler.transform_one(row))
            now[activity.customer[at]] = NEW if label is None else NEW + 1 + label
        labels[day + 1] = now
    return labels


def _predicted(model: Any, point: Mapping[int, float]) -> int | None:
    try:
        label = model.predict_one(point)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError, ZeroDivisionError):
        return None  # STREAMKMeans before its first chunk, and micro-cluster methods without clusters
    return None if label is None or label < 0 else min(int(label), 30_000)


def features(activity: Activity) -> FloatArray:
    """Return the seven features after each row of the activity, shape (rows, 7)."""
    n = len(activity.customers)
    memory = np.zeros((n, B_WIDTH))
    seen = np.zeros(n, dtype=np.int64)
    last_order = np.full(n, -1, dtype=np.int64)
    out = np.empty((len(activity.day), len(KEYS)))
    edges = activity.edges
    for day in range(activity.days):
        rows = slice(int(edges[day]), int(edges[day + 1]))
        who, bucket = activity.customer[rows], activity.buckets[rows]
        memory[who] = memory[who] * 2 ** (-(day - seen[who, None]) / HALF_LIFE) + bucket
        seen[who] = day
        ago = np.where(last_order[who] < 0, day - activity.met[who], day - last_order[who])
        out[rows] = _seven(memory[who], ago)
        last_order[who[bucket[:, B_ORDERS] > 0]] = day
    return out


def at_the_end(activity: Activity, chosen: IntArray) -> FloatArray:
    """Return the seven features of the chosen customers on the last day, standardised, shape (n, 7)."""
    memory = np.zeros((len(activity.customers), B_WIDTH))
    weight = 2 ** (-(activity.days - activity.day) / HALF_LIFE)
    np.add.at(memory, activity.customer, activity.buckets * weight[:, None])
    last = activity.met.copy()
    bought = activity.buckets[:, B_ORDERS] > 0
    np.maximum.at(last, activity.customer[bought], activity.day[bought])
    x = _seven(memory[chosen], activity.days - last[chosen])
    return np.asarray((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9))


def _seven(memory: FloatArray, days_ago: IntArray) -> FloatArray:
    m = np.maximum(memory, 0.0)
    orders = m[:, B_ORDERS]
    counts = m[:, -CATEGORIES:]
    return np.column_stack(
        [
            np.log1p(np.maximum(days_ago, 0)),
            np.log(orders + 0.3),
            np.log(m[:, B_MONEY] + 300.0),
            (m[:, B_LOGS] + 8.0) / (orders + 1.0),
            np.log((m[:, B_INTERACTIONS] + 1.0) / (orders + 0.5)),
            (counts.sum(axis=1) ** 2 + 1.0) / ((counts**2).sum(axis=1) + 1.0),
            (m[:, B_DISCOUNTED] + 0.4) / (orders + 2.0),
        ]
    )


def evidence_of(activity: Activity, need: Evidence) -> BoolArray:
    """Return whether customers had the evidence for a cluster at each grid day, shape (days + 1, customers)."""
    counts = np.zeros((2, len(activity.customers)))
    out = np.zeros((activity.days + 1, len(activity.customers)), dtype=np.bool_)
    edges = activity.edges
    for day in range(activity.days):
        rows = slice(int(edges[day]), int(edges[day + 1]))
        who = activity.customer[rows]
        counts[0, who] += activity.buckets[rows, B_ORDERS]
        counts[1, who] += activity.buckets[rows, B_INTERACTIONS]
        out[day + 1] = (counts[0] >= need.orders) | (counts[1] >= need.interactions)
    return out


def batch(x: FloatArray, k: int, seed: int) -> dict[str, IntArray]:
    """Return the labels of scikit-learn's clusterers for points (n, d); DBSCAN's noise is a separate group.

    Raises
    ------
    UserError
        scikit-learn is not installed.
    """
    try:
        from sklearn import cluster, mixture, neighbors
    except ImportError:
        from schemas.errors import UserError

        raise UserError("scikit-learn is not installed", "run `pip install scikit-learn`, or pass --no-peers") from None
    reach = neighbors.NearestNeighbors(n_neighbors=10).fit(x).kneighbors(x)[0][:, -1]
    density = cluster.DBSCAN(eps=float(np.quantile(reach, 0.7)), min_samples=10)
    return {
        "batch K-means": cluster.KMeans(k, n_init=10, random_state=seed).fit_predict(x),
        "batch Gaussian mixture": mixture.GaussianMixture(k, n_init=3, random_state=seed, reg_covar=1e-4).fit_predict(
            x
        ),
        "batch agglomerative (Ward)": cluster.AgglomerativeClustering(k).fit_predict(x),
        "batch DBSCAN": density.fit_predict(x) + 1,
    }
