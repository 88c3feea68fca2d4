"""What the columns of a CSV file mean: the mapping file (TOML), read and checked.

``docs/import-csv.md`` describes it for people; ``mappings/`` holds those that come with the package.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from models.time import Grid
from schemas.errors import UserError

_CLOSED: Final = ConfigDict(extra="forbid", frozen=True, strict=True)
_LINE_FIELDS: Final = frozenset({"product_id", "name", "category", "price", "quantity", "line_total"})


def _zone(name: str) -> str:
    try:
        Grid(name)
    except UserError:
        raise ValueError("must be an IANA name, such as Europe/Berlin") from None
    return name


def _encoding(name: str) -> str:
    try:
        plain = "a,\n".encode(name) == b"a,\n" and codecs.lookup(name)
    except (LookupError, UnicodeError):
        plain = False
    if not plain:
        raise ValueError("must be an encoding in which ASCII is itself, such as utf-8, cp1252 or latin-1")
    return name


class Column(BaseModel):
    """Where a field of an event comes from, and what is done to the text that stands there.

    Attributes
    ----------
    column
        Names of columns; the first that holds something counts.
    lower, prefix, map
        In this order: letters made small, text put in front, values replaced (others stay).
    """

    model_config = _CLOSED

    column: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    lower: bool = False
    prefix: str = ""
    map: dict[str, str] = {}

    def of(self, cells: Mapping[str, str]) -> str:
        """The text for an event from the cells of a row; empty where nothing stands there."""
        text = next((text for name in self.column if (text := cells.get(name, ""))), "")
        if not text:
            return ""
        text = self.prefix + (text.lower() if self.lower else text)
        return self.map.get(text, text)


def _column(value: object) -> object:
    """A bare name, or a list of them, is a column without anything done to it."""
    if isinstance(value, str):
        return {"column": (value,)}
    if isinstance(value, list):
        return {"column": tuple(value)}
    if isinstance(value, dict) and isinstance(value.get("column"), str):
        return {**value, "column": (value["column"],)}
    return value


Source = Annotated[Column, BeforeValidator(_column)]
Values = dict[str, Annotated[tuple[str, ...], Field(strict=False)]]


class EventMapping(BaseModel):
    """One event that a row, or a group of rows, becomes.

    Attributes
    ----------
    where, unless
        Columns with the values that are wanted, or are not; else there is no such event here.
    fields
        Fields of the event, dotted where nested (``traits.city``).
    lines
        Fields of one line of an order: one per row that has a ``product_id``.
    constants
        Fields that are the same in every event.
    """

    model_config = _CLOSED

    type: str = "order.completed"
    where: Values = {}
    unless: Values = {}
    fields: Annotated[dict[str, Source], Field(min_length=1)]
    lines: dict[str, Source] = {}
    constants: dict[str, Any] = {}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for needed in ("customer_id", "occurred_at"):
            if needed not in self.fields:
                raise ValueError(f"fields must say which column holds {needed}")
        if self.lines and "product_id" not in self.lines:
            raise ValueError("lines must say which column holds product_id")
        if unknown := sorted(set(self.lines) - _LINE_FIELDS):
            raise ValueError(f"lines cannot hold {', '.join(unknown)}, only {', '.join(sorted(_LINE_FIELDS))}")
        return self

    def columns(self) -> Iterator[str]:
        """All columns that are named."""
        yield from self.where
        yield from self.unless
        for one in (*self.fields.values(), *self.lines.values()):
            yield from one.column


class CsvMapping(BaseModel):
    """How to read a CSV file.

    Attributes
    ----------
    timezone
        Of times that tell no offset; None for the shop's.
    decimal
        The decimal sign, ``.`` or ``,``; the other one may stand between thousands.
    dates
        Forms of times as ``strptime`` has them, tried in order; RFC 3339 and ``2024-03-02 10:00:00`` are always known,
        ``unix`` and ``unix_ms`` are numbers since 1970.
    group
        Rows with the same text in this column are one order, wherever they stand; None: each row is by itself.
    """

    model_config = _CLOSED

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] = "."
    dates: Annotated[tuple[str, ...], Field(strict=False)] = ()
    group: str | None = None
    event: Annotated[tuple[EventMapping, ...], Field(min_length=1, strict=False)]

    def columns(self) -> list[str]:
        """All columns that the mapping names, each once, in order."""
        named = [self.group] if self.group else []
        return list(dict.fromkeys([*named, *(column for one in self.event for column in one.columns())]))


def shipped() -> dict[str, str]:
    """The mappings that come with the package: their text by name."""
    folder = files("streamer.shop").joinpath("mappings")
    return {
        one.name.removesuffix(".toml"): one.read_text(encoding="utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".toml")
    }


def load_mapping(where: str) -> CsvMapping:
    """The mapping in a file, or the shipped one of that name.

    Raises
    ------
    UserError
        There is none, or it is not as it must be; every mistake is named.
    """
    path = Path(where)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the mapping {where} cannot be read: {error}", "make it a readable UTF-8 file") from None
    else:
        known = shipped()
        if where not in known:
            names = " or ".join(sorted(known))
            raise UserError(f"there is no mapping {where}", f"give the path of a TOML file, or one of ours: {names}")
        text = known[where]
    try:
        return CsvMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the mapping {where} is not TOML: {error}", _MEND) from None
    except ValidationError as error:
        wrong = "\n".join(f"the mapping {where}: {_told(one)}" for one in error.errors(include_url=False))
        raise UserError(wrong, _MEND) from None


_MEND: Final = "docs/import-csv.md says what it may hold; `streamer import --help` names the mappings to begin from"


def _told(finding: Any) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in finding["loc"])
    if finding["type"] == "extra_forbidden":
        return f"{place} is unknown"
    words = finding["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words
