"""Names clusters by their members' behaviour: the best one-to-one match with prototypes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from string import ascii_uppercase
from typing import Final

import numpy as np

from models.behaviour.features import NAMES
from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.sums import plain_sum
from models.messages import id_of

TRAITS: Final = (*NAMES, "recency_days")
"""The traits that describe prototypes: the features, and the time since the last event."""

# A prototype's rank among the clusters in a trait (0 lowest, 1 highest), and the trait's weight.
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
    "Regulars": {"orders": (0.6, 1), "money": (0.5, 1), "recency_days": (0.3, 1)},
    "Moderate": {"orders": (0.5, 1), "money": (0.3, 1)},
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
        ("Light buyers", 0.16),
        ("Rare buyers", 0.0),
    )
}
"""The levels of a volume frame, in which customers differ by volume alone.

The last two are for customers who buy little but are still active.
"""

_SECOND_CHOICE: Final = frozenset(("Explorers", "Specialists", "Occasional"))
_SECOND_STEPS: Final = frozenset(("Light buyers", "Rare buyers"))
_RELUCTANCE: Final = 0.05
"""Cost of a second-choice name, so that two names that fit equally well (`Loyal`, `Explorers`) do not alternate."""
_LAST_CHOICE: Final = frozenset(("Regulars", "Moderate"))
_LAST_RELUCTANCE: Final = 0.5
_UNTRUE: Final = 100.0
_LETTERED: Final = "Segment"
"""Prefix of the names of clusters that fit no prototype, such as ``Segment A``."""
EVERYBODY: Final = "Everybody"
"""The name of the only segment of a shop whose customers cannot be separated."""
_SILENT: Final = frozenset(("At risk", "Hibernating", "Fading"))
_LATE: Final = 1.5
"""Minimum inactivity of the median member, in usual gaps, for a name that mentions leaving."""
_MORE: Final = 0.22
"""Log of 1.25: the minimum excess over the shop's mean for a claim of "more"."""
# Claims of a name about its cluster relative to the shop's mean: features, with the minimum excess (maximum if
# negative).
_CLAIMS: Final[dict[str, dict[str, float]]] = {
    "Champions": {"money": _MORE, "orders": 0.0},
    "Loyal": {"orders": 0.0},
    "Big-ticket": {"basket": _MORE},
    "Browsers": {"browse_to_buy": _MORE},
    "Bargain hunters": {"discount_share": 0.08},
    "Explorers": {"breadth": 0.0},
    "Specialists": {"orders": 0.0, "breadth": -0.01},
    "Occasional": {"orders": -0.1},
    "Regulars": {"orders": 0.0},
}

# Names that require features the shop may not record.
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "Browsers": ("clicks",),
    "Bargain hunters": ("discount_share",),
    "Explorers": ("breadth",),
    "Specialists": ("breadth",),
}


def stretched_ranks(traits: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Return the mean percentile rank of each cluster in each trait, stretched to 0..1 over the clusters.

    Parameters
    ----------
    traits
        Shape (n, len(TRAITS)).

    Returns
    -------
    FloatArray
        Shape (k, len(TRAITS)); 0.5 if clusters do not differ.
    """
    n = len(traits)
    ranks = np.empty_like(traits)
    for j, column in enumerate(traits.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        # Ties share their middle rank, so that the order of customers does not affect the names.
        middle = np.cumsum(counts) - counts / 2
        ranks[:, j] = middle[inverse] / n
    means = np.stack([ranks[labels == i].mean(axis=0) if (labels == i).any() else ranks[0] * 0 + 0.5 for i in range(k)])
    low, high = means.min(axis=0), means.max(axis=0)
    spread = high - low
    return np.where(spread > 0.02, (means - low) / np.where(spread > 0.02, spread, 1.0), 0.5)


def untrue(x: FloatArray, overdue: FloatArray, labels: IntArray, k: int, steps: bool = False) -> list[set[str]]:
    """Return for each cluster the names whose claims do not hold in absolute terms.

    Parameters
    ----------
    x
        Features (n, FEATURES).
    overdue
        Days since the last event over the customer's own usual gap, (n,).
    steps
        Whether the clusters are levels of volume, whose names are ranks without claims.
    """
    found: list[set[str]] = []
    usual = x.mean(axis=0)
    for i in range(k):
        mine = labels == i
        barred: set[str] = set()
        if mine.any():
            if float(np.median(overdue[mine])) < _LATE:
                barred |= _SILENT
            above = dict(zip(NAMES, (x[mine].mean(axis=0) - usual).tolist(), strict=True))
            if not steps:
                barred |= {name for name, claims in _CLAIMS.items() if not _holds(claims, above)}
        found.append(barred)
    return found


def _holds(claims: Mapping[str, float], above: Mapping[str, float]) -> bool:
    return all(above[name] >= least if least >= 0 else above[name] <= least for name, least in claims.items())


def names_for(
    ranks: FloatArray,
    unnamed: Sequence[int],
    taken: Collection[str],
    steps: bool = False,
    barred: Sequence[Collection[str]] = (),
) -> dict[int, str]:
    """Return the names for the clusters ``unnamed`` from those not ``taken``; ranks as in ``stretched_ranks``.

    Parameters
    ----------
    steps
        Whether the clusters are levels of volume.
    barred
        For each cluster the names that are false for it (``untrue``); empty for none.
    """
    from scipy.optimize import linear_sum_assignment

    if not unnamed:
        return {}
    free = [name for name in (STEPS if steps else PROTOTYPES) if name not in taken and _is_distinct(name, ranks)]
    cost = np.empty((len(unnamed), len(free)))
    for column, name in enumerate(free):
        cost[:, column] = _misfit(ranks, unnamed, name, steps)
        if barred:
            cost[:, column] += [_UNTRUE * (name in barred[cluster]) for cluster in unnamed]
    lines, columns = linear_sum_assignment(cost)
    names = {
        unnamed[line]: free[column] for line, column in zip(lines, columns, strict=True) if cost[line, column] < _UNTRUE
    }
    used = {*taken, *names.values()}
    for cluster in unnamed:  # no remaining name is true for it
        if cluster not in names:
            names[cluster] = _lettered(used)
            used.add(names[cluster])
    return names


def _is_distinct(name: str, ranks: FloatArray) -> bool:
    """Return whether the shop records the features a name refers to."""
    return all(np.ptp(ranks[:, TRAITS.index(trait)]) > 0 for trait in _NEEDED.get(name, ()))


def _misfit(ranks: FloatArray, unnamed: Sequence[int], name: str, steps: bool) -> list[float]:
    """Return the misfit of a name for each cluster, including the cost of the name."""
    wanted = (STEPS if steps else PROTOTYPES)[name]
    at = {trait: TRAITS.index(trait) for trait in wanted}
    total = plain_sum(weight for _, weight in wanted.values())
    reluctance = _RELUCTANCE * (name in (_SECOND_STEPS if steps else _SECOND_CHOICE))
    last = 0.0 if steps else _LAST_RELUCTANCE * (name in _LAST_CHOICE)
    return [
        float(plain_sum(w * (ranks[cluster, at[t]] - value) ** 2 for t, (value, w) in wanted.items()) / total)
        + reluctance
        + last
        for cluster in unnamed
    ]


def _lettered(used: Collection[str]) -> str:
    """Return the first unused name of Segment A, Segment B ..."""
    return next(name for letter in ascii_uppercase if (name := f"{_LETTERED} {letter}") not in used)


def prototype_of(segment_id: str) -> str:
    """Return the prototype from which an id was derived, whatever the segment's current name; empty if there is none.

    >>> prototype_of("bargain_hunters_2"), prototype_of("big_ticket"), prototype_of("group_11")
    ('Bargain hunters', 'Big-ticket', '')
    """
    head, _, tail = segment_id.rpartition("_")
    stem = head if head and tail.isdigit() else segment_id
    return next((name for name in (*PROTOTYPES, *STEPS, EVERYBODY) if id_of(name) == stem), "")


def id_for(name: str, taken: Collection[str]) -> str:
    """Return a stable id derived from a segment's first name, different from every id ever used.

    >>> id_for("Bargain hunters", {"bargain_hunters"})
    'bargain_hunters_2'
    """
    stem = id_of(name)
    number, candidate = 1, stem
    while candidate in taken or candidate == "new":
        number += 1
        candidate = f"{stem}_{number}"
    return candidate
