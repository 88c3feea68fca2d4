"""How a file is written, as a mapping says it, and the files that are joined to it."""

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
    """How a file is written.

    Attributes
    ----------
    format
        ``csv``, ``json`` (one object a line, or one list of them) or ``xlsx``; None: found by looking.
    delimiter, encoding
        None: found by looking. ``whitespace`` is any run of blanks.
    skip
        Lines above the header.
    columns
        Names of the columns of a file without a header.
    ends_before
        Text with which the first line below the table begins: from there on all is left out.
    strip
        Texts taken off every cell at both ends.
    """

    model_config = CLOSED

    format: Literal["csv", "json", "xlsx"] | None = None
    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    skip: Annotated[int, Field(ge=0, le=1_000)] | None = None
    columns: Names = ()
    ends_before: str | None = None
    strip: Annotated[Names, BeforeValidator(list_of)] = ()


def _keys(value: Any) -> Any:
    """A bare name, or a list of them, is a column that both files call so."""
    names = list_of(value)
    return {name: name for name in names} if isinstance(names, list | tuple) else names


class Join(FileForm):
    """Another file whose rows stand beside those of the file that is read.

    Attributes
    ----------
    file
        Its name, from the folder of the file that is read.
    on
        The columns that hold the key: ours (of the file that is read, or of one joined before) with theirs.
    prefix
        Put before the names of its columns, where two files have one of the same name.
    optional
        Whether a row may be without a partner there; else it is refused.
    """

    file: Annotated[str, Field(min_length=1)]
    on: Annotated[dict[str, str], BeforeValidator(_keys), Field(min_length=1)]
    prefix: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for in a file.

    Attributes
    ----------
    names
        Columns, each once, in order.
    needed
        Groups of columns; the file must have one column of each.
    lists
        Paths of lists in JSON records.
    nor
        Names of other files that were looked into before, for the error.
    """

    names: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...] = ()
    lists: tuple[str, ...] = ()
    nor: tuple[str, ...] = ()


def each(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, in order."""
    return tuple(dict.fromkeys(names))
