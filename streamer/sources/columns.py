"""Describe one field of an event: its source cells in a row and how their text is transformed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

CLOSED: Final = ConfigDict(extra="forbid", frozen=True, strict=True)

Names = Annotated[tuple[str, ...], Field(strict=False)]

ABSENT: Final = frozenset(("null", "\\n", "nan", "none", "n/a", "#n/a", "na", "nil", "undefined", "<null>", "(null)"))
"""Lower-case texts that programs write for an empty value."""


class Column(BaseModel):
    """The source of an event's field.

    Attributes
    ----------
    column
        Column names; the first non-empty cell is used.
    columns
        Columns whose texts are joined by ``join``, omitting empty ones.
    sum, times
        The sum of columns over the rows of a group; with ``times``, each multiplied by the number in that column.
    nothing
        Texts that count as empty here, so that the next column is used.
    strip
        Texts removed at both ends, repeatedly: quotes, marks, words for units.
    lower, upper, prefix, map
        Transformations applied next, in this order: convert case, prepend text (or ``prefix_column``'s), replace values
        (unlisted ones stay).
    kind
        Type of a custom trait: ``number``, ``text``, ``truth`` or ``time``. By default a number if every row of the file
        holds one.
    zone
        The column with the time zone of a time.
    optional
        Whether the file may lack all of these columns.
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
        """The column names, for messages."""
        return " and ".join(self.sum or self.columns) or " or ".join(self.column)

    def named(self) -> Iterator[str]:
        """Yield all column names."""
        yield from self.column
        yield from self.columns
        yield from self.sum
        for one in (self.times, self.zone, self.prefix_column):
            if one:
                yield one

    def of(self, cells: Mapping[str, str], nobody: frozenset[str] = frozenset()) -> str:
        """Return the text for an event from a row's cells; empty if there is none.

        Texts in ``nobody`` (lower case) are skipped in favour of the next column; if none is left, the first of them
        is returned, so that the error can name it.
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
    """Strip all ``ends`` from both sides of a text until none is left."""
    while True:
        bare = text
        for end in ends:
            bare = bare.removeprefix(end).removesuffix(end).strip()
        if bare == text:
            return bare
        text = bare


def _column(value: object) -> object:
    """Accept a bare name or a list of names as a column without transformations."""
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
    """Wrap a bare text in a list."""
    return (value,) if isinstance(value, str) else value


class Conditions:
    """``where`` and ``unless`` of a mapping, prepared for evaluation.

    Texts compare case-insensitively. ``<0``, ``>0``, ``=0`` and ``!=0`` test the sign of a number.
    """

    def __init__(self, where: Mapping[str, tuple[str, ...]], unless: Mapping[str, tuple[str, ...]]) -> None:
        self._where = [(name, frozenset(map(str.casefold, values))) for name, values in where.items()]
        self._unless = [(name, frozenset(map(str.casefold, values))) for name, values in unless.items()]

    def hold(self, cells: Mapping[str, str], sign: Any) -> bool:
        """Return whether these cells should yield an event.

        ``sign`` returns -1, 0 or 1 for a number, or None for other text.
        """
        return all(_among(cells.get(name, ""), values, sign) for name, values in self._where) and not any(
            _among(cells.get(name, ""), values, sign) for name, values in self._unless
        )


_SIGNS: Final = {"<0": (-1,), ">0": (1,), "=0": (0,), "!=0": (-1, 1)}


def _among(text: str, values: frozenset[str], sign: Any) -> bool:
    if text.casefold() in values:
        return True
    wanted = [signs for name, signs in _SIGNS.items() if name in values]
    return bool(wanted) and any(sign(text) in signs for signs in wanted)
