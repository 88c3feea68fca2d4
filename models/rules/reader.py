"""Reads the tables of a segmentation file: values of the right type, or an error with file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from models.features.traits import is_own_trait
from models.rules.conditions import Compare, Condition, leaves
from models.rules.expressions import ExpressionError, Known, parse, suggestion
from models.rules.segmentation import Rule, Segment
from models.rules.toml_lines import Lines
from schemas.errors import UserError

NUMBERS: Final = "a number"
WORDS: Final = "words"


class Reader:
    """One file. Every method raises UserError with file, line and hint for an invalid value.

    Attributes
    ----------
    source
        Name of the file in errors.
    own
        The type each own trait is compared with, ``NUMBERS`` or ``WORDS``, and the line of its first use.
    """

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.lines = Lines(text)
        self.own: dict[str, tuple[str, int]] = {}

    def condition(self, text: Any, line: int, known: Known) -> Condition:
        """Parse a condition from its text."""
        if not isinstance(text, str) or not text.strip():
            self.fail(line, "a condition is missing", 'for example "orders >= 2"')
        try:
            condition = parse(text, known)
        except ExpressionError as error:
            line += text.count("\n", 0, error.position)
            column = error.position - (text.rfind("\n", 0, error.position) + 1)
            shown = text.splitlines()[text.count("\n", 0, error.position)] if text else ""
            marked = f"{shown}\n  {' ' * column}^"
            self.fail(line, f"{error.message}\n  {marked}", error.hint)
        for leaf in leaves(condition):
            if isinstance(leaf, Compare):
                self.compared_with(leaf.feature, NUMBERS, line)
            elif any(leaf.segments):
                self.compared_with(leaf.segmentation, WORDS, line)
        return condition

    def compared_with(self, name: str, kind: str, line: int) -> None:
        """Record whether an own trait is compared with numbers or words; raise UserError if it is compared with both."""
        if not is_own_trait(name):
            return
        before, where = self.own.setdefault(name, (kind, line))
        if before != kind:
            self.fail(
                line,
                f"{name} is compared with {kind} here, and with {before} in line {where}",
                "compare a trait only with numbers or only with words; a value of the other kind counts as unknown",
            )

    def known_segment(self, name: str, segment: Any, ids: set[str], line: int) -> str:
        """Return the segment id if it is declared."""
        if not isinstance(segment, str) or segment not in ids:
            hint = suggestion(str(segment), ids, f"segments of {name}")
            self.fail(line, f"{name} has no segment {segment!r}", f"{hint}; add it to [{name}.segments]")
        return segment

    def tables(self, name: str, table: Mapping[str, Any], key: str, *keys: str) -> list[dict[str, Any]]:
        """Return the entry ``key``: a list of tables without keys other than ``keys``."""
        value = table.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            self.fail(
                self.lines.of(name, key), f"{name} has no {key}", f'for example {key} = [ {{ segment = "..." }} ]'
            )
        for one in value:
            self.check_keys(one, keys, (name, key), f"an entry of {key}")
        return value

    def check_keys(self, table: Mapping[str, Any], keys: Sequence[str], path: tuple[str, ...], what: str) -> None:
        """Reject unknown keys."""
        for key in table:
            if key not in keys:
                line = self.lines.holding(key, self.lines.of(*path, key))
                self.fail(line, f"{what} has no {key!r}", suggestion(key, keys, "keys"))

    def whole(self, name: str, table: Mapping[str, Any], key: str, most: int) -> int:
        """Return a whole number from 0 to ``most``; 0 if the key is missing."""
        value = table.get(key, 0)
        if type(value) is not int or not 0 <= value <= most:
            self.fail(self.lines.of(name, key), f"{key} of {name} is {value!r}", f"a whole number from 0 to {most:,}")
        return value

    def number(self, value: Any, line: int, what: str) -> float:
        """Return a finite number."""
        if type(value) not in (int, float) or not abs(value) < 1e15:
            self.fail(line, f"{what} is {value!r}, and no number", "for example from = 50")
        return float(value)

    def fail(self, line: int, message: str, hint: str) -> NoReturn:
        """Raise UserError."""
        raise UserError(f"{self.source}, line {line}: {message}", hint)


@dataclass(frozen=True, slots=True)
class Declared:
    """The table of one segmentation, with the entries common to all kinds already read.

    Attributes
    ----------
    guards
        Rules evaluated before all others (``models.rules.guards``).
    known
        Names that conditions may use.
    """

    reader: Reader
    name: str
    table: Mapping[str, Any]
    segments: tuple[Segment, ...]
    guards: tuple[Rule, ...]
    dwell_days: int
    known: Known

    @property
    def ids(self) -> set[str]:
        """Ids of the declared segments."""
        return {segment.id for segment in self.segments}

    @property
    def provisional(self) -> frozenset[str]:
        """Segments that guards lead to."""
        return frozenset(rule.segment for rule in self.guards)
