"""Predictions in a lane: the version in force, its scores for a customer, and the nights to re-evaluate rules.

A prediction is a function of a customer's orders before a grid day, the day, and the version in force on that day. So
it does not depend on which customers are in memory or when they are scored: the memo on a customer
(`Customer.foreseen`) is recomputed from the state if it is missing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import msgspec
import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.behaviour.panel import NO_ORDERS
from models.customer.customer import Customer
from models.features.predicted import PREDICTED, SPEND_90
from models.features.time import DayGrid
from models.prediction.model import ALIVE_DAYS, PredictionModel, first_version
from models.prediction.order_record import OrderRecord, grown, record_of, side_by_side
from models.prediction.records import Records
from models.rules.conditions import Compare
from models.rules.definitions import Definitions
from streamer.core.ledger import Ledger, ModelEntry

Timeline = Sequence[tuple[int, PredictionModel]]
"""Versions with the first day on which each is in force; the first has no lower bound."""
_SHIPPED_FROM: Final = -1
AT_ONCE: Final = 16_384
"""Customer nights per scoring call: a long gap needs few calls and only a few megabytes of memory."""
_MANY: Final = 8


class Foreseen(msgspec.Struct):
    """A customer's memo until the next order.

    Holds the order record, its packed form once the panel has asked for it, and one version's scores for one day.
    """

    record: OrderRecord | None
    packed: msgspec.Raw | None = None
    day: int = -1
    version: int = -1
    values: dict[str, float] = {}


def known(customer: Customer, grid: DayGrid) -> Foreseen:
    """Return the customer's memo, creating it if missing."""
    held = customer.foreseen
    if not isinstance(held, Foreseen):
        held = customer.foreseen = Foreseen(record_of(customer, grid))
    elif customer.new_orders:
        held = customer.foreseen = Foreseen(grown(held.record, customer, grid))
        customer.new_orders.clear()
    return held


def packed_orders(customer: Customer, grid: DayGrid) -> msgspec.Raw:
    """Return the customer's order record in the packed form of panel rows."""
    held = customer.foreseen
    # Most rows belong to customers who browsed without ordering.
    if isinstance(held, Foreseen) and held.packed is not None and not customer.new_orders:
        return held.packed
    held = known(customer, grid)
    if held.packed is None:
        held.packed = NO_ORDERS if held.record is None else msgspec.Raw(held.record.packed)
    return held.packed


def timeline_of(
    entries: Sequence[ModelEntry], models: Mapping[int, PredictionModel], clock_id: str | None
) -> list[tuple[int, PredictionModel]]:
    """Return the versions in force for customers on the clock ``clock_id``, each with its first day in force."""
    timeline: list[tuple[int, PredictionModel]] = []
    first: int | None = None
    # In reverse: an import opened later may start before versions that it did not know.
    for entry in reversed(entries):
        day = entry.day if clock_id is None else entry.import_days.get(clock_id, entry.day)
        first = day if first is None else min(first, day)
        timeline.append((first, models[entry.version]))
    timeline.append((_SHIPPED_FROM, first_version()))
    timeline.reverse()
    return timeline


def borders_of(definitions: Iterable[Definitions]) -> dict[str, list[float]]:
    """Return the thresholds that rules compare predictions with, by prediction; empty if no rule uses one."""
    found: dict[str, set[float]] = {}
    for version in definitions:
        ready = version.ready
        if "predicted" not in ready:
            ready["predicted"] = _borders(version)
        for name, borders in ready["predicted"].items():
            found.setdefault(name, set()).update(borders)
    return {name: sorted(borders) for name, borders in sorted(found.items())}


def _borders(definitions: Definitions) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    for segmentation in definitions.segmentations:
        for leaf in segmentation.leaves:
            if isinstance(leaf, Compare) and leaf.feature in PREDICTED:
                found.setdefault(leaf.feature, set()).update((leaf.enter, leaf.exit))
        # Thresholds of bands are not leaves.
        for feature, _, border in segmentation.all_borders(None):
            if feature in PREDICTED:
                found.setdefault(feature, set()).add(border)
    return found


@dataclass(slots=True)
class LaneForecasts:
    """Scores of one lane's prediction versions. Created for each `decide`; stores results only on customers.

    Attributes
    ----------
    borders
        The result of `borders_of`: the predictions scored for every customer, every night.
    minor_per_major
        Minor units per major unit of the shop's currency.
    """

    ledger: Ledger
    models: Mapping[int, PredictionModel]
    borders: Mapping[str, Sequence[float]]
    grid: DayGrid
    minor_per_major: int
    _timelines: dict[str | None, Timeline]
    _ahead: dict[tuple[OrderRecord, int, int], dict[str, float]]
    """Scores that `nights` computed for many customers at once, by record, day and version."""

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        models: Mapping[int, PredictionModel],
        borders: Mapping[str, Sequence[float]],
        grid: DayGrid,
        minor_per_major: int,
    ) -> LaneForecasts:
        return cls(ledger, models, borders, grid, minor_per_major, {}, {})

    def forget_versions(self) -> None:
        """Drop cached timelines after a new version or import."""
        self._timelines.clear()

    def timeline(self, clock_id: str | None) -> Timeline:
        """Return the versions in force for customers on a clock."""
        found = self._timelines.get(clock_id)
        if found is None:
            found = self._timelines[clock_id] = timeline_of(self.ledger.predictions, self.models, clock_id)
        return found

    def version_on(self, clock_id: str | None, day: int) -> PredictionModel:
        """Return the version in force on a day."""
        return _in_force(self.timeline(clock_id), day)

    # -- one customer ---------------------------------------------------------------------------------------------

    def value(self, name: str, customer: Customer, at: int) -> float:
        """See `models.features.context.Forecasts`."""
        day = self.grid.day_of(at)
        model = self.version_on(customer.clock_id, day)
        held = known(customer, self.grid)
        if held.day != day or held.version != model.version or name not in held.values:
            names = self.borders if name in self.borders else (*self.borders, name)
            held.values = self.values_of(customer, day, model, tuple(names))
            held.day, held.version = day, model.version
        return held.values[name]

    def values_of(self, customer: Customer, day: int, model: PredictionModel, names: Sequence[str]) -> dict[str, float]:
        """Return a version's scores for a customer at the start of a day."""
        record = self.record_before(customer, day)
        if record is None:
            return dict.fromkeys(names, nan)
        ahead = self._ahead.get((record, day, model.version)) if self._ahead else None
        if ahead is not None and ahead.keys() >= set(names):
            return ahead
        scores = self.scores(model, [record], np.array([day]), names)
        return {name: float(values[0]) for name, values in scores.items()}

    def record_before(self, customer: Customer, day: int) -> OrderRecord | None:
        """Return the customer's orders at the start of a day; None without one that counts."""
        record = known(customer, self.grid).record
        if record is not None and record.last >= day:
            record = record_of(customer, self.grid, before=day)
        return record

    def scores(
        self, model: PredictionModel, records: Sequence[OrderRecord], days: IntArray, names: Iterable[str]
    ) -> dict[str, FloatArray]:
        """Return a version's scores for records, each at the start of its own day; money in major units."""
        spend = np.array([record.spend for record in records], dtype=np.float64)
        return self._in_units(model.score(side_by_side(records), spend, days.astype(np.float64), tuple(names)))

    def _in_units(self, scores: dict[str, FloatArray]) -> dict[str, FloatArray]:
        if SPEND_90 in scores:
            scores[SPEND_90] = scores[SPEND_90] / self.minor_per_major
        return scores

    # -- nights ---------------------------------------------------------------------------------------------------

    def nights(
        self, customers: Sequence[Customer], clock_id: str | None, starts: IntArray, targets: IntArray
    ) -> dict[str, list[int]]:
        """Return the days in (start, target] on which rules must be evaluated, by customer id.

        These are the days on which a prediction crosses a rule's threshold compared with the day before, and the first
        days after an order. Customers without such a day are absent.
        """
        found_records = [known(one, self.grid).record for one in customers]
        places = np.array([at for at, one in enumerate(found_records) if one is not None], dtype=np.int64)
        if not len(places):
            return {}
        records = [one for one in found_records if one is not None]
        arrays = side_by_side(records)
        spend = np.array([record.spend for record in records], dtype=np.float64)
        first = starts[places]
        # From a year after the last order on, there is no prediction.
        last = np.minimum(targets[places], arrays.last.astype(np.int64) + ALIVE_DAYS + 1)
        nights = np.maximum(last - first, 0)
        found: dict[str, list[int]] = {}
        for some in _together(nights):
            # Each customer starts with the day before the first night, for comparison.
            who = np.repeat(some, nights[some] + 1)
            begin = np.cumsum(nights[some] + 1) - nights[some] - 1
            days = first[who] + np.arange(len(who)) - np.repeat(begin, nights[some] + 1)
            scores, versions = self._scores_of_nights(arrays.of(who), spend[who], days, clock_id)
            sides = self._sides(scores)
            turned = np.zeros(len(who), dtype=bool)
            # The day before does not count an order of that day yet.
            turned[1:] = (sides[:, 1:] != sides[:, :-1]).any(axis=0) | (arrays.last[who[1:]] >= days[:-1])
            turned[begin] = False
            for at in np.flatnonzero(turned).tolist():
                place, day = int(who[at]), int(days[at])
                found.setdefault(customers[int(places[place])].id, []).append(day)
                if records[place].last < day:
                    values = {name: float(one[at]) for name, one in scores.items()}
                    self._ahead[records[place], day, int(versions[at])] = values
        self._score_ahead(customers, found, clock_id, targets)
        return found

    def _score_ahead(
        self, customers: Sequence[Customer], found: Mapping[str, list[int]], clock_id: str | None, targets: IntArray
    ) -> None:
        """Compute together the scores that rules will request one by one.

        These are the scores at the last event, to which the reasons of a move refer, and at a due of tonight.
        """
        asked = []
        for customer, target in zip(customers, targets.tolist(), strict=True):
            due = None if customer.due is None else self.grid.day_of(customer.due)
            if due is not None and due <= target:
                asked.append((customer, due))
            elif customer.id not in found:
                continue
            asked.append((customer, self.grid.day_of(customer.as_of)))
        known_then = [(record, day) for one, day in asked if (record := self.record_before(one, day)) is not None]
        # Not worthwhile for a single customer, since most scores would not be used.
        if len(known_then) < _MANY:
            return
        records, days = [record for record, _ in known_then], np.array([day for _, day in known_then])
        spend = np.array([record.spend for record in records], dtype=np.float64)
        scores, versions = self._scores_of_nights(side_by_side(records), spend, days, clock_id)
        for at, key in enumerate(zip(records, days.tolist(), versions.tolist(), strict=True)):
            self._ahead[key] = {name: float(one[at]) for name, one in scores.items()}

    def _scores_of_nights(
        self, records: Records, spend: FloatArray, days: IntArray, clock_id: str | None
    ) -> tuple[dict[str, FloatArray], IntArray]:
        """Return the predictions that rules name, each (n,), by the versions (n,) in force on ``days``."""
        timeline = self.timeline(clock_id)
        firsts = np.array([first for first, _ in timeline])
        which = np.searchsorted(firsts, days, side="right") - 1
        scores = {name: np.empty(len(days)) for name in self.borders}
        for index in np.unique(which).tolist():
            some = np.flatnonzero(which == index).astype(np.int64)
            model = timeline[index][1]
            parts = self._in_units(
                model.score(records.of(some), spend[some], days[some].astype(np.float64), tuple(self.borders))
            )
            for name, values in parts.items():
                scores[name][some] = values
        return scores, np.array([model.version for _, model in timeline])[which]

    def _sides(self, scores: Mapping[str, FloatArray]) -> IntArray:
        """Return the side of each threshold on which each prediction is, shape (names, n).

        This is the number of thresholds below the prediction plus the number below or equal to it; -1 without a
        prediction.
        """
        rows = []
        for name, borders in self.borders.items():
            values, edges = scores[name], np.array(borders)
            side = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
            # A missing prediction counts as a separate side.
            rows.append(np.where(np.isnan(values), -1, side))
        return np.array(rows, dtype=np.int64)


def _together(nights: IntArray) -> Iterator[IntArray]:
    """Yield indices of customers with nights to check, in groups of about AT_ONCE nights."""
    some = np.flatnonzero(nights).astype(np.int64)
    if len(some):
        yield from np.split(some, np.flatnonzero(np.diff(np.cumsum(nights[some] + 1) // AT_ONCE)) + 1)


def _in_force(timeline: Timeline, day: int) -> PredictionModel:
    return timeline[bisect_right([first for first, _ in timeline], day) - 1][1]
