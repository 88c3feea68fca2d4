"""Read and check the mapping file (TOML), which defines the meaning of a table's columns or of JSON paths.

``docs/import-csv.md`` describes it for users; ``mappings/`` holds the shipped mappings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from models.features.time import DayGrid
from models.messages.translatable import translatable
from schemas.errors import UserError
from schemas.toml_text import tables
from streamer.sources.columns import CLOSED, Column, Conditions, Names, Source, list_of
from streamer.sources.file_form import FileForm, Join, Wanted, each
from streamer.sources.times import names_a_year

LINE_FIELDS: Final = frozenset({"product_id", "name", "category", "price", "quantity", "line_total"})


def _zone(name: str) -> str:
    try:
        DayGrid(name)
    except UserError:
        raise ValueError("must be an IANA name, such as Europe/Berlin") from None
    return name


def _dated(forms: tuple[str, ...]) -> tuple[str, ...]:
    for form in forms:
        if not names_a_year(form):
            raise ValueError(f"{form!r} has no year, so all times would fall in the same year; add %Y or join columns")
    return forms


Values = dict[str, Annotated[Names, BeforeValidator(list_of)]]
Group = Annotated[Names, BeforeValidator(list_of)]


class EventMapping(BaseModel):
    """One event that a row, or a group of rows, becomes.

    Attributes
    ----------
    where, unless
        Columns with the values they must have, or must not have, for the event to exist. Case does not matter;
        ``<0``, ``>0``, ``=0`` and ``!=0`` test the sign of a number.
    group
        Overrides the mapping's ``group`` for this event.
    fields
        Fields of the event, dotted if nested (``traits.city``).
    lines
        Fields of one order line: one per row with a ``product_id``.
    lines_from
        Path of a list in a JSON record whose entries are the lines.
    each
        Path of a list in a JSON record: one event per entry, whose fields are ``PATH[].field``.
    constants
        Fields with the same value in every event.
    minor_units
        Whether amounts are in cents (or the currency's smallest coin).
    so_far
        Whether a refund's amount is the cumulative total of the order, so that a later one replaces it.
    """

    model_config = CLOSED

    type: str = "order.completed"
    where: Values = {}
    unless: Values = {}
    group: Group = ()
    fields: Annotated[dict[str, Source], Field(min_length=1)]
    lines: dict[str, Source] = {}
    lines_from: str | None = None
    each: str | None = None
    constants: dict[str, Any] = {}
    minor_units: bool = False
    so_far: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for needed in ("customer_id", "occurred_at"):
            if needed not in self.fields and needed not in self.constants:
                raise ValueError(f"fields must say which column holds {needed}")
        if self.lines and "product_id" not in self.lines:
            raise ValueError("lines must say which column holds product_id")
        if unknown := sorted(set(self.lines) - LINE_FIELDS):
            raise ValueError(f"lines cannot hold {', '.join(unknown)}, only {', '.join(sorted(LINE_FIELDS))}")
        return self

    @cached_property
    def conditions(self) -> Conditions:
        """``where`` and ``unless``, prepared for evaluation."""
        return Conditions(self.where, self.unless)

    def columns(self) -> Iterator[str]:
        """Yield the names of all columns the event uses."""
        yield from self.where
        yield from self.unless
        yield from self.group
        for one in self.fields.values():
            yield from one.named()
        if self.lines_from is None:
            for one in self.lines.values():
                yield from one.named()


class TableMapping(FileForm):
    """Mapping of a file to events, in addition to its format.

    Attributes
    ----------
    decimal
        The decimal sign; None to detect it.
    nothing
        Additional texts that count as empty.
    timezone
        Time zone of times without an offset; None for the shop's.
    dates
        Time formats for ``strptime``, tried in order, or ``unix``, ``unix_ms``, ``unix_us`` (distinguished by
        size), ``excel``. Many formats are recognised without being listed.
    group
        Rows with the same text in these columns are one order, wherever they are; empty: each row is separate.
    currency
        Currency of amounts without a currency column; None for the shop's.
    equal_rows
        Whether identical rows without an order id are ``repeats`` of one order, or ``distinct``
        orders.
    join
        Other files, whose columns can be named like this file's own.
    """

    nothing: Annotated[Names, BeforeValidator(list_of)] = ()
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] | None = None
    dates: Annotated[Names, AfterValidator(_dated)] = ()
    group: Group = ()
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    equal_rows: Literal["repeats", "distinct"] = "repeats"
    join: Annotated[tuple[Join, ...], Field(strict=False)] = ()
    event: Annotated[tuple[EventMapping, ...], Field(min_length=1, strict=False)]

    def named(self) -> tuple[str, ...]:
        """Return all distinct columns that the mapping names, in order."""
        keys = (column for one in self.join for column in one.on)
        return each([*self.group, *(column for one in self.event for column in one.columns()), *keys])

    def needed(self) -> Iterator[tuple[str, ...]]:
        """Yield groups of columns. The file or a joined one must have one column of each group."""
        for name in (*self.group, *(column for one in self.join for column in one.on)):
            yield (name,)
        for event in self.event:
            for name in (*event.where, *event.unless, *event.group):
                yield (name,)
            lines = () if event.lines_from else event.lines.values()
            for one in (*event.fields.values(), *lines):
                yield from _needed(one)

    def lists(self) -> tuple[str, ...]:
        """Return the paths of lists in JSON records."""
        return each(path for event in self.event for path in (event.lines_from, event.each) if path)

    def wanted(self) -> Wanted:
        """Return the columns to look for in the file, without joins."""
        return Wanted(self.named(), tuple(self.needed()), self.lists())

    def former_dumps(self) -> Iterator[dict[str, Any]]:
        """Yield the mapping as older releases serialised it, newest first."""
        # Older releases had none of these keys; a mapping that sets one is read differently.
        if self.equal_rows != "repeats" or any(form.sheet is not None for form in (self, *self.join)):
            return
        whole = self.model_dump(mode="json")
        del whole["equal_rows"]
        for form in (whole, *whole["join"]):
            del form["sheet"]
        for event in whole["event"]:
            del event["each"]
        yield whole
        older = json.loads(json.dumps(whole))
        sums = [one for event in older["event"] for kind in ("fields", "lines") for one in event[kind].values()]
        # Older releases had no joins, and could sum only one column.
        if not older.pop("join") and all(len(one["sum"]) <= 1 for one in sums):
            for one in sums:
                one["sum"] = one["sum"][0] if one["sum"] else None
            yield older


def _needed(column: Column) -> Iterator[tuple[str, ...]]:
    if column.optional:
        return
    if column.column:
        yield column.column
    for name in (*column.columns, *column.sum, column.times, column.zone, column.prefix_column):
        if name:
            yield (name,)


def shipped() -> dict[str, str]:
    """Return the text of each shipped mapping, by name."""
    folder = files("streamer.sources").joinpath("mappings")
    return {
        one.name.removesuffix(".toml"): one.read_text(encoding="utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".toml")
    }


def load_mapping(where: str) -> TableMapping:
    """Return the mapping in a file, or the shipped mapping with that name.

    Raises
    ------
    UserError
        There is none, or it is invalid; the message lists every mistake.
    """
    path = Path(where)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                translatable("error mapping unreadable", path=where, why=error),
                translatable("error mapping unreadable fix"),
            ) from None
    else:
        known = shipped()
        if where not in known:
            names = ", ".join(sorted(known))
            raise UserError(
                translatable("error unknown mapping", name=where), translatable("error no mapping fix", names=names)
            )
        text = known[where]
    return read_mapping(text, where)


def read_mapping(text: str, where: str) -> TableMapping:
    """Parse a mapping from TOML; ``where`` names it in errors. Raises UserError."""
    try:
        return TableMapping.model_validate(tables(text, f"the mapping {where}", _HINT))
    except ValidationError as error:
        found = error.errors(include_url=False)
        # An invalid event is also missing from the list; reporting that adds nothing.
        inner = [one for one in found if one["loc"][:1] == ("event",) and len(one["loc"]) > 1]
        found = [one for one in found if not (inner and one["loc"] == ("event",))]
        wrong = "\n".join(f"the mapping {where}: {_finding(one)}" for one in found)
        raise UserError(wrong, _HINT) from None


_HINT: Final = translatable("error mapping fix")


def _finding(finding: Any) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in finding["loc"])
    if finding["type"] == "extra_forbidden":
        return f"{place} is unknown"
    words = finding["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words
