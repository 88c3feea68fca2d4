"""Costs and possible earnings of a campaign to chosen customers, and the effects it could prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray

MARGIN: Final = 0.30
"""Assumed margin: the share of the spend that the shop keeps."""
CONTACT_COSTS: Final = (0.05, 0.50, 2.00)
"""Assumed costs of one contact, major units."""
UPLIFT: Final = 0.02
"""Assumed additional spend of contacted customers, as a share."""
HELD_OUT: Final = (0.10, 0.50)
_CAP: Final = 0.95
_WON: Final = 0.10
"""Planted effect: share of customers who would not have ordered but do so because of the campaign."""
_CAMPAIGNS: Final = 1_000
_SEED: Final = 1
# Normal quantiles for a two-sided test at 5 % with 80 % power.
_SIGNIFICANT: Final = 1.959964
_POWER: Final = 0.841621


@dataclass(frozen=True, slots=True)
class Reach:
    """Costs and earnings of a campaign to some customers.

    Attributes
    ----------
    customers, spend
        Number of customers, and their measured spend in the next 90 days, major units.
    pays_from
        For each of CONTACT_COSTS, the minimum uplift of spend (a share) at which a contact pays.
    net, roi
        Assumed profit at UPLIFT and the highest contact cost, in major units and over the costs.
    """

    customers: int
    spend: float
    pays_from: tuple[float, ...]
    net: float
    roi: float


@dataclass(frozen=True, slots=True)
class Proof:
    """Effects that one campaign could prove with a share of the chosen customers held out.

    Attributes
    ----------
    held_out
        Share of customers held out.
    least, least_adjusted
        Minimum uplift of spend detected with 80 % power: without a cap, and capped and adjusted for earlier spend.
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
        Share of the chosen customers who ordered in the next 90 days.
    true, estimate
        Effect on the share of buyers: planted, and mean estimate of the campaigns.
    significant
        Share of the campaigns with a significant effect.
    """

    come_anyway: float
    true: float
    estimate: float
    significant: float


def reach(spend: FloatArray) -> Reach:
    """Return the costs and earnings of a campaign, from customers' spend (n,) in the next 90 days, major units."""
    n, total = len(spend), float(np.maximum(spend, 0.0).sum())
    own = MARGIN * total
    costs = n * CONTACT_COSTS[-1]
    net = UPLIFT * own - costs
    return Reach(n, total, tuple(n * cost / own for cost in CONTACT_COSTS), net, net / costs)


def proofs(spend: FloatArray, before: FloatArray) -> list[Proof]:
    """Return the effects that campaigns could prove with each of HELD_OUT.

    Parameters
    ----------
    before
        Earlier spend, (n,).
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
    """Simulate campaigns that win one in ten of the customers who would not have ordered.

    Parameters
    ----------
    came
        Whether each customer ordered in the next 90 days without a campaign, 0 or 1, (n,).
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
