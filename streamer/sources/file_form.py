"""The form of a file as declared in a mapping, and the files joined to it."""

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
    """The form of a file.

    Attributes
    ----------
    format
        ``csv``, ``json`` (one object per line, or one list of them) or ``xlsx``; None to detect it.
    delimiter, encoding
        None to detect them. ``whitespace`` is any run of blanks.
    skip
        Lines above the header.
    columns
        Names of the columns of a file without a header.
    ends_before
        Start of the first line below the table: this line and all after it are ignored.
    strip
        Texts removed from both ends of every cell.
    sheet
        The sheet of a workbook to read; None for all sheets with the header of the one that fits best.
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
    """Accept a bare name, or a list of them, for columns with the same name in both files."""
    names = list_of(value)
    return {name: name for name in names} if isinstance(names, list | tuple) else names


class Join(FileForm):
    """Another file whose rows are joined to those of the main file.

    Attributes
    ----------
    file
        Its name, relative to the folder of the main file.
    on
        The key columns: ours (of the main file, or of one joined before) with theirs.
    prefix
        Prepended to the names of its columns, if two files share a column name.
    optional
        Whether a row may lack a partner there; otherwise it is rejected.
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
        Columns, each once, in order.
    needed
        Groups of columns; the file must have one column of each.
    lists
        Paths of lists in JSON records.
    nor
        Names of other files already searched, for the error.
    """

    names: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...] = ()
    lists: tuple[str, ...] = ()
    nor: tuple[str, ...] = ()


def each(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names, in order."""
    return tuple(dict.fromkeys(names))
