"""Bands of one feature, each with an enter and an exit border."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from models.features.features import FEATURES
from models.features.own_events import counted_event
from models.features.traits import is_own_trait
from models.rules.conditions import Compare, Leaf
from models.rules.expressions import suggestion
from models.rules.facts import Facts
from models.rules.reader import NUMBERS, Declared
from models.rules.rules import Rules, rule_reasons
from models.rules.segmentation import Border, Neighbours, Rule, Segmentation, known_number
from schemas.changes import Reason


@dataclass(frozen=True, slots=True)
class Band:
    """A band that begins at ``enter``; a customer in it, or above, leaves it downwards below ``exit``."""

    segment: str
    enter: float
    exit: float


@dataclass(frozen=True)
class Bands(Segmentation):
    """Bands of one feature, lowest first. The lowest covers everything below the second.

    ``guards`` are evaluated before the bands: the first guard that holds decides. The last entry has no condition and
    represents the bands. ``dwell_days`` and ``provisional`` are as for rules.
    """

    kind: ClassVar[str] = "bands"

    feature: str
    bands: tuple[Band, ...]
    guards: Rules | None = None

    def evaluate(self, current: str | None, now: Facts) -> str:
        guards = self.guards
        if guards is not None and (first := guards.index_of(current, now)) < len(guards.rules) - 1:
            return guards.rules[first].segment
        return self.bands[self._band(current, now)].segment

    def _band(self, current: str | None, now: Facts) -> int:
        """Return the index of the customer's band: enter borders decide upwards, exit borders downwards."""
        value = now.values[self.feature]
        held = self.index.get(current, -1)
        for place in range(len(self.bands) - 1, 0, -1):
            band = self.bands[place]
            if value >= (band.exit if place <= held else band.enter):
                return place
        return 0

    def reasons(self, current: str | None, before: Facts | None, now: Facts) -> tuple[Reason, ...]:
        if self.guards is None:
            return (self._band_reason(current, before, now),)
        found = rule_reasons(self.guards, current, before, now)
        if self.evaluate(current, now) in self.provisional:
            return found
        return (*found, self._band_reason(current, before, now))

    def _band_reason(self, current: str | None, before: Facts | None, now: Facts) -> Reason:
        new, held = self._band(current, now), self.index.get(current, -1)
        falls = new < held
        border = self.bands[new + 1].exit if falls else self.bands[new].enter
        return Reason(
            self.feature,
            None if before is None else known_number(before.values, self.feature),
            known_number(now.values, self.feature),
            border if falls or new else self.bands[1].enter,
        )

    def borders(self, current: str | None) -> Iterator[Border]:
        """Yield the comparisons that lead out of the band ``current``: below its exit, or into the next band."""
        if self.guards is not None:
            yield from self.guards.borders(current)
        index = next((i for i, band in enumerate(self.bands) if band.segment == current), 0)
        if index > 0:
            yield self.feature, "<", self.bands[index].exit
        if index + 1 < len(self.bands):
            yield self.feature, ">=", self.bands[index + 1].enter

    def all_borders(self, current: str | None) -> Iterator[Border]:
        yield from self.borders(current)
        for band in self.bands[1:]:
            yield self.feature, ">=", band.enter
            yield self.feature, "<", band.exit

    def neighbours(self, current: str | None) -> Neighbours | None:
        index = self.index.get(current)
        if index is None:
            return None
        above = self.bands[index + 1] if index + 1 < len(self.bands) else None
        return Neighbours(
            self.feature,
            None if above is None else (above.segment, above.enter),
            (self.bands[index - 1].segment, self.bands[index].exit) if index else None,
        )

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return () if self.guards is None else self.guards.leaves

    @property
    def features(self) -> frozenset[str]:
        return super().features | {self.feature}

    @property
    def reachable(self) -> frozenset[str]:
        guarded = frozenset() if self.guards is None else self.guards.reachable
        return guarded | {band.segment for band in self.bands}

    @cached_property
    def index(self) -> dict[str | None, int]:
        """Index of each band by its segment, lowest first."""
        return {band.segment: place for place, band in reversed(list(enumerate(self.bands)))}


KEYS: Final = ("feature", "bands")
"""Keys specific to bands in a file."""


def read(of: Declared) -> Bands:
    """Read bands from their table in a file. Raises UserError with line and hint if the table is invalid."""
    feature, bands = _read_feature(of), _read_bands(of)
    guards = Rules(of.name, (), (*of.guards, Rule("", None))) if of.guards else None
    return Bands(of.name, of.segments, feature, bands, guards, dwell_days=of.dwell_days, provisional=of.provisional)


def _read_feature(of: Declared) -> str:
    reader, name = of.reader, of.name
    feature = of.table.get("feature")
    line = reader.lines.of(name, "feature")
    if isinstance(feature, str) and is_own_trait(feature):
        reader.compared_with(feature, NUMBERS, line)
        return feature
    if isinstance(feature, str) and counted_event(feature) is not None:
        # Parse it as a condition, so that feature names are checked in the same way.
        condition = reader.condition(f"{feature} >= 0", line, of.known)
        assert isinstance(condition, Compare)
        return condition.feature
    if not isinstance(feature, str) or feature not in FEATURES:
        reader.fail(
            line,
            f"{name} has bands of {feature!r}, which is not a numeric feature",
            suggestion(str(feature), FEATURES, "features"),
        )
    return feature


def _read_bands(of: Declared) -> tuple[Band, ...]:
    reader, name = of.reader, of.name
    line = reader.lines.of(name, "bands")
    found: list[Band] = []
    for entry in reader.tables(name, of.table, "bands", "segment", "from", "exit"):
        line = reader.lines.holding(str(entry.get("segment")), line)
        segment = reader.known_segment(name, entry.get("segment"), of.ids, line)
        if not found:
            if "from" in entry or "exit" in entry:
                reader.fail(
                    line,
                    f"the first band of {name} must not have a border",
                    ("remove it; the first band holds all values below the second band"),
                )
            found.append(Band(segment, 0.0, 0.0))
            continue
        enter = reader.number(entry.get("from"), line, f"from of {segment}")
        leave = reader.number(entry.get("exit", enter), line, f"exit of {segment}")
        if leave > enter:
            reader.fail(line, f"exit of {segment} is above its from", "set exit to from or less")
        if segment in {band.segment for band in found}:
            reader.fail(line, f"{name} has two bands {segment}", "give each band a segment of its own")
        if len(found) > 1 and (enter <= found[-1].enter or leave <= found[-1].exit):
            reader.fail(line, f"the bands of {name} do not rise", "list them from the lowest to the highest")
        found.append(Band(segment, enter, leave))
    if len(found) < 2:
        reader.fail(line, f"{name} has only one band", "declare at least two")
    return tuple(found)
