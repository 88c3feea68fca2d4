"""What every feature is made with: the shop's units, and what a feature is."""

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
        """A prediction of the grid day of ``at`` (ms); NaN where nothing can be said."""


@dataclass(frozen=True, slots=True)
class FeatureContext:
    """What turns inner units into a shop's: minor units per major unit, the half-life of decayed sums (ms), its days.

    ``forecasts`` are the predictions in force; without them none is known.
    """

    minor_per_major: int = 100
    half_life: float = 25.0 * DAY_MS
    grid: DayGrid = UTC_DAYS
    forecasts: Forecasts | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """A number that rules may name.

    Attributes
    ----------
    name, unit
        As shown to people.
    value
        The value at an instant; NaN where the customer gives none (no order yet), which no comparison passes.
    crossing
        The instant at which time alone brings the value to a border, or None if time does not move it there.
    moved_by_interactions
        Whether an interaction may change the value: rules that name no such feature are not evaluated after one. A late
        interaction makes a customer older, and one in a new category may be the one too many.
    """

    name: str
    unit: str
    value: Callable[[Customer, int, FeatureContext], float]
    crossing: Callable[[Customer, float, FeatureContext], int | None] | None = None
    moved_by_interactions: bool = False
