"""Estimate whether a play works: the difference between the sent and held-out arms, with a valid confidence interval.

Sources: Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10. For looks
at any time, the beta-binomial confidence sequence of Robbins (1970) per arm, joined by the same square-and-add step.

scipy is imported on use, because it takes 50 MB and a second, and most processes that decide on messages compare no
arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt
from statistics import NormalDist
from typing import Final

ALPHA: Final = 0.05
_PRIOR: Final = 0.5
_quantile: Final = NormalDist().inv_cdf
MONEY_HELD_OUT, MONEY_BUYERS = 200, 15
"""With fewer customers held out, or fewer buyers among them, an interval of money is wrong too often to be shown."""
RATIO_ALPHA: Final = 0.001


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: customers measured, buyers among them, and the sum and sum of squares of their spend."""

    n: int = 0
    bought: int = 0
    money: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its 95 % interval."""

    estimate: float
    low: float
    high: float


def wilson(bought: int, n: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    >>> [round(bound, 3) for bound in wilson(5, 100)]
    [0.022, 0.112]
    """
    z = _quantile(1 - alpha / 2)
    share, spread = bought / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / n + spread / n / 4) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def at_any_time(bought: int, n: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Return an interval of a share that is valid after every customer.

    The probability that it is ever wrong is at most ``alpha``. It contains all shares p for which the mixture over a
    Beta(1/2, 1/2) prior is not ``1 / alpha`` times likelier than p.

    >>> low, high = at_any_time(5, 100)
    >>> low < wilson(5, 100)[0] and high > wilson(5, 100)[1]
    True
    """
    from scipy.optimize import brentq
    from scipy.special import betaln

    mixture = float(betaln(bought + _PRIOR, n - bought + _PRIOR) - betaln(_PRIOR, _PRIOR))

    def excess(share: float) -> float:
        likelihood = (bought * log(share) if bought else 0.0) + ((n - bought) * log(1 - share) if n > bought else 0.0)
        return mixture - likelihood - log(1 / alpha)

    tiny, share = 1e-12, bought / n
    low = float(brentq(excess, tiny, share)) if bought and excess(tiny) > 0 else 0.0
    high = float(brentq(excess, share, 1 - tiny)) if n > bought and excess(1 - tiny) > 0 else 1.0
    return low, high


def uplift(sent: Arm, held: Arm, *, final: bool) -> Interval | None:
    """Return the difference in the share of buyers between the arms; None while an arm is empty.

    Parameters
    ----------
    final
        Whether this is the single look on the date that the play names, with Newcombe's interval. Before that date
        the interval is wider and valid for daily looks.
    """
    if not sent.n or not held.n:
        return None
    bounds = wilson if final else at_any_time
    (low_1, high_1), (low_2, high_2) = bounds(sent.bought, sent.n), bounds(held.bought, held.n)
    share_1, share_2 = sent.bought / sent.n, held.bought / held.n
    difference = share_1 - share_2
    below = sqrt((share_1 - low_1) ** 2 + (high_2 - share_2) ** 2)
    above = sqrt((high_1 - share_1) ** 2 + (share_2 - low_2) ** 2)
    return Interval(difference, difference - below, difference + above)


def money(sent: Arm, held: Arm) -> Interval | None:
    """Return the difference in mean spend per customer (Welch); None if it cannot be estimated."""
    if held.n < MONEY_HELD_OUT or held.bought < MONEY_BUYERS or sent.n < 2:
        return None
    parts = [(one.squares - one.money**2 / one.n) / (one.n - 1) / one.n for one in (sent, held)]
    spread = sum(parts)
    difference = sent.money / sent.n - held.money / held.n
    if spread <= 0:
        return None
    freedom = spread**2 / (parts[0] ** 2 / (sent.n - 1) + parts[1] ** 2 / (held.n - 1))
    from scipy.stats import t as student

    half = float(student.ppf(1 - ALPHA / 2, freedom)) * sqrt(spread)
    return Interval(difference, difference - half, difference + half)


def ratio_is_off(n: int, held: int, expected: float) -> bool:
    """Return whether the held-out share differs from the draw by more than chance, so that comparing arms is not fair.

    Parameters
    ----------
    n, held, expected
        Number of customers drawn, number held out, and sum of the shares they were drawn by. If an
        edit changed the share, the mean share is tested, which makes the test more conservative.
    """
    from scipy.stats import binomtest

    return bool(0 < expected < n and binomtest(held, n, expected / n).pvalue < RATIO_ALPHA)


def customers_needed(share: float, base: float = 0.05, effect: float = 0.05, power: float = 0.8) -> float:
    """Return the customers needed in both arms to detect an effect with ``power``; infinite without a holdout.

    Parameters
    ----------
    share, base, effect
        Share held out, share who buy anyway, and share who buy because of the play.

    >>> round(customers_needed(0.2), -2)
    1100.0
    """
    if not 0 < share < 1:
        return inf
    z = _quantile(1 - ALPHA / 2) + _quantile(power)
    with_it = base + effect
    spread = with_it * (1 - with_it) / (1 - share) + base * (1 - base) / share
    return z * z * spread / effect**2


def surely_above(count: int, of: int, limit: float) -> bool:
    """Return whether a share exceeds a limit even at the lower bound of its interval (one-sided, 97.5 %)."""
    return of > 0 and wilson(count, of)[0] > limit
