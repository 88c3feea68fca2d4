"""What a campaign to the chosen customers costs and could earn, and what it could prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray

MARGIN: Final = 0.30
"""Assumed share of the spend that is the shop's own."""
CONTACT_COSTS: Final = (0.05, 0.50, 2.00)
"""Assumed costs of one contact, major units."""
UPLIFT: Final = 0.02
"""Assumed additional spend of those contacted, as a share."""
HELD_OUT: Final = (0.10, 0.50)
_CAP: Final = 0.95
_WON: Final = 0.10
"""Planted effect: share of those who would not have come whom the campaign wins."""
_CAMPAIGNS: Final = 1_000
_SEED: Final = 1
# Two-sided test at 5 %, power 80 %: quantiles of the normal distribution.
_SIGNIFICANT: Final = 1.959964
_POWER: Final = 0.841621


@dataclass(frozen=True, slots=True)
class Reach:
    """Money of a campaign to some customers.

    Attributes
    ----------
    customers, spend
        How many, and what they spent in the 90 days after, major units; measured.
    pays_from
        For each of CONTACT_COSTS the uplift of spend from which on a contact pays, a share.
    net, roi
        Profit at UPLIFT and the dearest contact, major units, and over its costs; assumed.
    """

    customers: int
    spend: float
    pays_from: tuple[float, ...]
    net: float
    roi: float


@dataclass(frozen=True, slots=True)
class Proof:
    """What one campaign could prove with a share of the chosen customers held out.

    Attributes
    ----------
    held_out
        That share.
    least, least_adjusted
        Least uplift of spend seen with 80 % power: of spend uncapped, and capped and adjusted for spend before.
    """

    held_out: float
    least: float
    least_adjusted: float


@dataclass(frozen=True, slots=True)
class Planted:
    """Simulated campaigns with a known effect, half held out.

    Attributes
    ----------
    come_anyway
        Share of the chosen customers who ordered in the 90 days after.
    true, estimate
        Effect on the share who order: planted, and the campaigns' mean.
    significant
        Share of the campaigns in which it was significant.
    """

    come_anyway: float
    true: float
    estimate: float
    significant: float


def reach(spend: FloatArray) -> Reach:
    """Money of a campaign to customers who spend (n,) in the 90 days after, major units."""
    n, total = len(spend), float(np.maximum(spend, 0.0).sum())
    own = MARGIN * total
    costs = n * CONTACT_COSTS[-1]
    net = UPLIFT * own - costs
    return Reach(n, total, tuple(n * cost / own for cost in CONTACT_COSTS), net, net / costs)


def proofs(spend: FloatArray, before: FloatArray) -> list[Proof]:
    """What campaigns could prove with each of HELD_OUT.

    Parameters
    ----------
    before
        Spend so far, (n,).
    """
    plain, capped = np.maximum(spend, 0.0), _capped(spend)
    slope, level = np.polyfit(_capped(before), capped, 1)
    rest = capped - slope * _capped(before) - level
    found = []
    for share in HELD_OUT:
        held = max(round(share * len(spend)), 1)
        factor = (_SIGNIFICANT + _POWER) * float(np.sqrt(1.0 / held + 1.0 / (len(spend) - held)))
        found.append(
            Proof(share, factor * float(plain.std() / plain.mean()), factor * float(rest.std() / capped.mean()))
        )
    return found


def _capped(spend: FloatArray) -> FloatArray:
    found: FloatArray = np.minimum(np.maximum(spend, 0.0), np.quantile(spend, _CAP))
    return found


def planted(came: FloatArray) -> Planted:
    """Simulate campaigns that win one in ten of those who would not have come.

    Parameters
    ----------
    came
        Who ordered in the 90 days after without one, 0 or 1, (n,).
    """
    rng, n = np.random.default_rng(_SEED), len(came)
    effects, significant = [], 0
    for _ in range(_CAMPAIGNS):
        treated = rng.permutation(n) < n // 2
        after = np.where((came == 0) & treated & (rng.random(n) < _WON), 1.0, came)
        one, other = after[treated], after[~treated]
        effect = float(one.mean() - other.mean())
        error = float(np.sqrt(one.var() / len(one) + other.var() / len(other)))
        effects.append(effect)
        significant += effect > _SIGNIFICANT * error
    return Planted(
        float(came.mean()), _WON * float(1.0 - came.mean()), float(np.mean(effects)), significant / _CAMPAIGNS
    )
