"""One field of an event: which cells of a row it comes from, and what is done to the text that stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

CLOSED: Final = ConfigDict(extra="forbid", frozen=True, strict=True)

Names = Annotated[tuple[str, ...], Field(strict=False)]

ABSENT: Final = frozenset(("null", "\\n", "nan", "none", "n/a", "#n/a", "na", "nil", "undefined", "<null>", "(null)"))
"""Texts by which programs say that nothing stands there, in small letters."""


class Column(BaseModel):
    """Where a field of an event comes from.

    Attributes
    ----------
    column
        Names of columns; the first that holds something counts.
    columns
        Names of columns whose texts are joined, with ``join`` between them; what is empty is left out.
    sum, times
        The sum of columns over the rows of a group; of one column each times the number in ``times``, where that is
        given.
    nothing
        Texts that mean nothing here, so that the next column counts.
    strip
        Texts taken off at both ends, as often as they stand there: quotes, marks, words for units.
    lower, upper, prefix, map
        Then, in this order: letters made small or large, text put in front (or what stands in ``prefix_column``), values
        replaced (others stay).
    kind
        What a trait of one's own is: ``number``, ``text``, ``truth`` or ``time``. Without it, a number where every row
        of the file holds one.
    zone
        The column that names the time zone of a time.
    optional
        Whether the file may be without all of these columns.
    """

    model_config = CLOSED

    column: Names = ()
    columns: Names = ()
    join: str = " "
    sum: Names = ()
    times: str | None = None
    nothing: Names = ()
    strip: Names = ()
    lower: bool = False
    upper: bool = False
    prefix: str = ""
    prefix_column: str | None = None
    map: dict[str, str] = {}
    kind: Literal["number", "text", "truth", "time"] | None = None
    zone: str | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(map(bool, (self.column, self.columns, self.sum))) != 1:
            raise ValueError("give one of column, columns and sum")
        if self.times and not self.sum:
            raise ValueError("times needs sum")
        if self.times and len(self.sum) > 1:
            raise ValueError("times needs the sum of one column")
        return self

    @property
    def names(self) -> str:
        """The columns in words."""
        return " and ".join(self.sum or self.columns) or " or ".join(self.column)

    def named(self) -> Iterator[str]:
        """All columns that are named."""
        yield from self.column
        yield from self.columns
        yield from self.sum
        for one in (self.times, self.zone, self.prefix_column):
            if one:
                yield one

    def of(self, cells: Mapping[str, str], nobody: frozenset[str] = frozenset()) -> str:
        """The text for an event from the cells of a row; empty where nothing stands there.

        ``nobody`` are texts (small letters) over which a list of columns passes on to the next; where no column is left
        the first of them is given, so that its reason can be told.
        """
        if self.columns:
            return self._changed(
                self.join.join(text for name in self.columns if (text := self._bare(cells, name))), cells
            )
        passed = ""
        for name in self.column:
            text = self._bare(cells, name)
            if not text:
                continue
            if text.casefold() in nobody:
                passed = passed or text
                continue
            return self._changed(text, cells)
        return passed

    def _bare(self, cells: Mapping[str, str], name: str) -> str:
        text = stripped(cells.get(name, ""), self.strip) if self.strip else cells.get(name, "")
        return "" if text in self.nothing else text

    def _changed(self, text: str, cells: Mapping[str, str]) -> str:
        if not text:
            return ""
        if self.lower or self.upper:
            text = text.lower() if self.lower else text.upper()
        if self.prefix_column:
            text = cells.get(self.prefix_column, "") + self.prefix + text
        elif self.prefix:
            text = self.prefix + text
        return self.map.get(text, text)


def stripped(text: str, ends: Sequence[str]) -> str:
    """A text without any of the ends, at both sides and as often as they stand there."""
    while True:
        bare = text
        for end in ends:
            bare = bare.removeprefix(end).removesuffix(end).strip()
        if bare == text:
            return bare
        text = bare


def _column(value: object) -> object:
    """A bare name, or a list of them, is a column without anything done to it."""
    if isinstance(value, str):
        return {"column": (value,)}
    if isinstance(value, list):
        return {"column": tuple(value)}
    if not isinstance(value, dict):
        return value
    value = dict(value)
    for name in ("column", "strip", "nothing", "sum"):
        if isinstance(value.get(name), str):
            value[name] = (value[name],)
    if isinstance(value.get("prefix"), dict):
        value["prefix_column"] = value.pop("prefix").get("column")
    return value


Source = Annotated[Column, BeforeValidator(_column)]


def list_of(value: Any) -> Any:
    """A bare text as a list of one."""
    return (value,) if isinstance(value, str) else value


class Conditions:
    """``where`` and ``unless`` of a mapping, ready to be asked of rows.

    Texts are compared without regard to case. ``<0``, ``>0``, ``=0`` and ``!=0`` ask for the sign of a number.
    """

    def __init__(self, where: Mapping[str, tuple[str, ...]], unless: Mapping[str, tuple[str, ...]]) -> None:
        self._where = [(name, frozenset(map(str.casefold, values))) for name, values in where.items()]
        self._unless = [(name, frozenset(map(str.casefold, values))) for name, values in unless.items()]

    def hold(self, cells: Mapping[str, str], sign: Any) -> bool:
        """Whether an event is wanted of these cells; ``sign`` gives -1, 0 or 1 of a text, None where it is no number."""
        return all(_among(cells.get(name, ""), values, sign) for name, values in self._where) and not any(
            _among(cells.get(name, ""), values, sign) for name, values in self._unless
        )


_SIGNS: Final = {"<0": (-1,), ">0": (1,), "=0": (0,), "!=0": (-1, 1)}


def _among(text: str, values: frozenset[str], sign: Any) -> bool:
    if text.casefold() in values:
        return True
    wanted = [signs for name, signs in _SIGNS.items() if name in values]
    return bool(wanted) and any(sign(text) in signs for signs in wanted)
