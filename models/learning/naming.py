"""Names of clusters by what their members are like: the best one-to-one match with prototypes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from models.behaviour.features import NAMES
from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.sums import plain_sum
from models.messages import id_of

TRAITS: Final = (*NAMES, "recency_days")
"""What prototypes are described by: the features, and how long ago the last event was."""

# Where a prototype stands among the clusters (0 lowest, 1 highest), and how much that matters.
PROTOTYPES: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "Champions": {"orders": (1.0, 2), "money": (1.0, 3), "clicks": (0.9, 1), "recency_days": (0.0, 1)},
    "Loyal": {"orders": (0.85, 2), "money": (0.65, 2), "recency_days": (0.2, 1), "discount_share": (0.25, 1)},
    "Big-ticket": {"basket": (1.0, 3), "orders": (0.35, 1), "money": (0.7, 1)},
    "Bargain hunters": {"discount_share": (1.0, 4), "orders": (0.6, 1)},
    "Browsers": {"browse_to_buy": (1.0, 3), "clicks": (0.9, 2), "orders": (0.15, 1)},
    "Explorers": {"breadth": (1.0, 3), "orders": (0.6, 1), "money": (0.5, 1)},
    "Specialists": {"breadth": (0.0, 2), "orders": (0.6, 2), "money": (0.5, 1)},
    "Occasional": {"orders": (0.35, 2), "clicks": (0.35, 1), "money": (0.35, 1), "recency_days": (0.4, 1)},
    "At risk": {"recency_days": (0.75, 2), "orders": (0.25, 1), "clicks": (0.25, 1), "money": (0.35, 1)},
    "Hibernating": {"recency_days": (1.0, 2), "orders": (0.0, 2), "clicks": (0.0, 2), "money": (0.0, 1)},
}

STEPS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    name: {"orders": (place, 1), "money": (place, 1)}
    for name, place in (
        ("Champions", 1.0),
        ("Loyal", 0.84),
        ("Regulars", 0.67),
        ("Moderate", 0.5),
        ("Occasional", 0.33),
        ("Fading", 0.16),
        ("Hibernating", 0.0),
    )
}
"""The steps of a frame of volume, in which customers differ by how much they buy and by nothing else."""

_SECOND_CHOICE: Final = frozenset(("Explorers", "Specialists", "Occasional"))
_RELUCTANCE: Final = 0.05
"""What a name of second choice costs: `Loyal` and `Explorers` fit the same customers nearly alike, and must not take turns."""

# Names that would be a fable in a shop that does not record these.
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "Browsers": ("clicks",),
    "Bargain hunters": ("discount_share",),
    "Explorers": ("breadth",),
    "Specialists": ("breadth",),
}


def stretched_ranks(traits: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Mean percentile rank of each cluster in each trait, stretched to 0..1 over the clusters.

    Parameters
    ----------
    traits
        Shape (n, len(TRAITS)).

    Returns
    -------
    FloatArray
        Shape (k, len(TRAITS)); 0.5 where clusters do not differ.
    """
    n = len(traits)
    ranks = np.empty_like(traits)
    for j, column in enumerate(traits.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        # Ties share their middle rank, or the order of customers would name clusters.
        middle = np.cumsum(counts) - counts / 2
        ranks[:, j] = middle[inverse] / n
    means = np.stack([ranks[labels == i].mean(axis=0) if (labels == i).any() else ranks[0] * 0 + 0.5 for i in range(k)])
    low, high = means.min(axis=0), means.max(axis=0)
    spread = high - low
    return np.where(spread > 0.02, (means - low) / np.where(spread > 0.02, spread, 1.0), 0.5)


def names_for(ranks: FloatArray, unnamed: Sequence[int], taken: Collection[str], steps: bool = False) -> dict[int, str]:
    """Names for the clusters ``unnamed`` out of those not ``taken``; ranks as ``stretched_ranks``.

    Parameters
    ----------
    steps
        The clusters are steps of how much customers buy.
    """
    from scipy.optimize import linear_sum_assignment

    if not unnamed:
        return {}
    at = {trait: j for j, trait in enumerate(TRAITS)}
    prototypes = STEPS if steps else PROTOTYPES
    free = [
        name
        for name, wanted in prototypes.items()
        if name not in taken and all(np.ptp(ranks[:, at[t]]) > 0 for t in _NEEDED.get(name, ()))
    ]
    cost = np.empty((len(unnamed), len(free)))
    for column, name in enumerate(free):
        wanted = prototypes[name]
        total = plain_sum(weight for _, weight in wanted.values())
        for line, cluster in enumerate(unnamed):
            cost[line, column] = (
                plain_sum(w * (ranks[cluster, at[t]] - value) ** 2 for t, (value, w) in wanted.items()) / total
            )
        cost[:, column] += _RELUCTANCE * (name in _SECOND_CHOICE)
    lines, columns = linear_sum_assignment(cost)
    names = {unnamed[line]: free[column] for line, column in zip(lines, columns, strict=True)}
    for cluster in unnamed:  # more clusters than prototypes are left, after many structural versions
        names.setdefault(cluster, f"Group {len(taken) + cluster + 1}")
    return names


def prototype_of(segment_id: str) -> str:
    """The prototype that an id was made from, whatever the segment is called now; empty if it was made from none.

    >>> prototype_of("bargain_hunters_2"), prototype_of("big_ticket"), prototype_of("group_11")
    ('Bargain hunters', 'Big-ticket', '')
    """
    head, _, tail = segment_id.rpartition("_")
    stem = head if head and tail.isdigit() else segment_id
    return next((name for name in (*PROTOTYPES, *STEPS) if id_of(name) == stem), "")


def id_for(name: str, taken: Collection[str]) -> str:
    """A stable id from a first name, unlike any id ever given.

    >>> id_for("Bargain hunters", {"bargain_hunters"})
    'bargain_hunters_2'
    """
    stem = id_of(name)
    number, candidate = 1, stem
    while candidate in taken or candidate == "new":
        number += 1
        candidate = f"{stem}_{number}"
    return candidate
