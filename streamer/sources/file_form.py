"""Describe the format of a file as declared in a mapping, and the files joined to it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from streamer.sources.columns import CLOSED, Names, list_of


def _encoding(name: str) -> str:
    try:
        text = "a,\n".encode(name).decode(name) == "a,\n" and codecs.lookup(name)
    except (LookupError, UnicodeError):
        text = False
    if not text:
        raise ValueError("must be an encoding of text, such as utf-8, utf-16, cp1252 or gb18030")
    return name


def _delimiter(name: str) -> str:
    if len(name) != 1 and name not in ("tab", "whitespace"):
        raise ValueError('must be one character, "tab" or "whitespace"')
    return "\t" if name == "tab" else name


class FileForm(BaseModel):
    """The format of a file.

    Attributes
    ----------
    format
        ``csv``, ``json`` (one object per line, or one list of them) or ``xlsx``; None to detect it.
    delimiter, encoding
        None to detect them. ``whitespace`` matches any run of blanks.
    skip
        Number of lines above the header.
    columns
        Column names of a file without a header.
    ends_before
        Start of the first line below the table: this line and all after it are ignored.
    strip
        Texts stripped from both ends of every cell.
    sheet
        The sheet of a workbook to read; None for all sheets with the same header as the best match.
    """

    model_config = CLOSED

    format: Literal["csv", "json", "xlsx"] | None = None
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    skip: Annotated[int, Field(ge=0, le=1_000)] | None = None
    columns: Names = ()
    ends_before: str | None = None
    strip: Annotated[Names, BeforeValidator(list_of)] = ()
    sheet: Annotated[str, Field(min_length=1)] | None = None


def _keys(value: Any) -> Any:
    """Accept a bare name, or a list of names, for columns named the same in both files."""
    names = list_of(value)
    return {name: name for name in names} if isinstance(names, list | tuple) else names


class Join(FileForm):
    """Another file whose rows are joined to the main file's.

    Attributes
    ----------
    file
        File name, relative to the main file's folder.
    on
        Key columns: those of the main file, or of a file joined earlier, mapped to this file's.
    prefix
        Prefix of this file's column names, for when two files share a column name.
    optional
        Whether a row may have no match in this file; otherwise it is rejected.
    """

    file: Annotated[str, Field(min_length=1)]
    on: Annotated[dict[str, str], BeforeValidator(_keys), Field(min_length=1)]
    prefix: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns to look for in a file.

    Attributes
    ----------
    names
        Distinct columns, in order.
    needed
        Groups of columns; the file must have one column of each group.
    lists
        Paths of lists in JSON records.
    nor
        Names of files already searched, for the error message.
    """

    names: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...] = ()
    lists: tuple[str, ...] = ()
    nor: tuple[str, ...] = ()


def each(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names, in order."""
    return tuple(dict.fromkeys(names))
