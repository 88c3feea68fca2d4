"""The feature type, and the shop's units that every feature is computed with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from models.customer.customer import Customer
from models.features.time import DAY_MS, DayGrid

UTC_DAYS = DayGrid()


class Forecasts(Protocol):
    """The predictions in force (`models.features.predicted`)."""

    def value(self, name: str, customer: Customer, at: int) -> float:
        """Return a prediction for the grid day of ``at`` (ms); NaN if there is none."""


@dataclass(frozen=True, slots=True)
class FeatureContext:
    """The shop's units: minor units per major unit, the half-life of decayed sums (ms), and the day grid.

    ``forecasts`` are the predictions in force; without them every prediction is NaN.
    """

    minor_per_major: int = 100
    half_life: float = 25.0 * DAY_MS
    grid: DayGrid = UTC_DAYS
    forecasts: Forecasts | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """A numeric feature that rules may name.

    Attributes
    ----------
    name, unit
        As shown to people.
    value
        The value at an instant; NaN if the customer has none (for example, no order yet). NaN fails every comparison.
    crossing
        The instant at which time alone brings the value to a border, or None if time does not move it there.
    moved_by_interactions
        Whether an interaction may change the value: rules without such a feature are not evaluated after one. A late
        interaction can raise a customer's age, and one in a new category can exceed the limit of categories.
    """

    name: str
    unit: str
    value: Callable[[Customer, int, FeatureContext], float]
    crossing: Callable[[Customer, float, FeatureContext], int | None] | None = None
    moved_by_interactions: bool = False
