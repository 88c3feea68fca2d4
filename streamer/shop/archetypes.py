"""The kinds of customer in the simulated shop: the truth that segments are later compared with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Archetype:
    """How a kind of customer behaves on average; each customer differs from it by ``Spread``.

    Attributes
    ----------
    share
        Part of the population that begins as this kind.
    orders_per_day, interactions_per_day
        Poisson rates.
    basket
        Median of a basket in euros, before discounts.
    discount
        Probability that an order is discounted.
    breadth
        Concentration of the Dirichlet that gives a customer's affinities: small = one category, large = all.
    """

    name: str
    share: float
    orders_per_day: float
    interactions_per_day: float
    basket: float
    discount: float
    breadth: float


ARCHETYPES: tuple[Archetype, ...] = (
    Archetype("champion", 0.12, 0.105, 0.38, 95.0, 0.10, 1.5),
    Archetype("loyal", 0.22, 0.048, 0.15, 42.0, 0.12, 0.8),
    Archetype("big-ticket", 0.11, 0.022, 0.13, 330.0, 0.05, 0.25),
    Archetype("bargain", 0.18, 0.040, 0.22, 24.0, 0.75, 1.2),
    Archetype("browser", 0.18, 0.007, 0.56, 40.0, 0.20, 2.0),
    Archetype("lapsed", 0.19, 0.003, 0.025, 38.0, 0.20, 0.5),
)
"""The six of the bench. Shares sum to 1; about 87 events a customer-year on average."""

SUBSCRIBER = Archetype("subscriber", 0.0, 0.160, 0.02, 16.0, 0.02, 0.2)
"""The seventh, of scenario ``new-archetype``: many small orders of the same things, hardly a look around."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How far customers of one kind differ from each other.

    Attributes
    ----------
    rate_variance
        Variance of the Gamma factor (mean 1) on each of the two rates.
    basket_sd, discount_sd
        Standard deviation of a customer's own mean log basket, and of the log-odds of a discount.
    order_sd
        Standard deviation of a single log basket around the customer's own mean.
    """

    rate_variance: float = 0.08
    basket_sd: float = 0.20
    discount_sd: float = 0.35
    order_sd: float = 0.50

    def widened(self, factor: float) -> Spread:
        """The same with ``factor`` times the variance between customers."""
        root = factor**0.5
        return Spread(
            self.rate_variance * factor, self.basket_sd * root, self.discount_sd * root, self.order_sd
        )
