"""Read the records of a JSON file as rows: one object per line, or one list of objects. Columns are paths.

``ecommerce.transaction_id`` enters objects, ``items[0].sku`` lists, and
``event_params[key=currency].value.string_value`` selects the entry of a list by the value of a field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from models.messages.translatable import translatable
from schemas.errors import UserError
from streamer.sources.file_form import Wanted
from streamer.sources.files import ReadPosition, lines, opened
from streamer.sources.rows import Row

_MAX_LINE: Final = 8 << 20
_MAX_FILE: Final = 64 << 20
_STEP: Final = re.compile(r"([^.\[\]]*)((?:\[[^\]]*\])*)(?:\.|$)")


class JsonRows:
    """Rows of a JSON file, plain or gzipped. Each row has one cell: the record as text."""

    header = ("record",)

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.path = path
        self._names = wanted.names
        self._lists = wanted.lists
        self.notes: list[str] = []
        self.position = ReadPosition()
        with opened(path) as stream:
            self._is_list = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")

    def rows(self) -> Iterator[Row]:
        """Yield the records, in order."""
        for line, text in self._texts():
            fault: tuple[str, str] | None = None
            try:
                if not isinstance(parsed(text), dict):
                    fault = "not_json", translatable("file not object")
            except (ValueError, RecursionError):
                fault = "not_json", translatable("file not json")
            yield Row(line, [text], fault)

    def named(self, cells: Sequence[str]) -> Mapping[str, str]:
        return cells_of(parsed(cells[0]), self._names, self._lists)

    def _texts(self) -> Iterator[tuple[int, str]]:
        if self._is_list:
            yield from enumerate(self._entries(), 1)
            return
        for number, line in enumerate(lines(self.path, _MAX_LINE, self.position), 1):
            text = "" if line is None else line.decode("utf-8-sig", errors="replace").strip()
            if text or line is None:
                yield number, text

    def _entries(self) -> Iterator[str]:
        with opened(self.path) as stream:
            content = stream.read(_MAX_FILE + 1)
        if len(content) > _MAX_FILE:
            raise UserError(translatable("error long list", path=self.path), translatable("error list fix"))
        try:
            yield from map(json.dumps, json.loads(content.decode("utf-8-sig")))
        except (ValueError, RecursionError) as error:
            raise UserError(
                translatable("error not json", path=self.path, why=error), translatable("error list fix")
            ) from None


def cells_of(record: Any, names: Sequence[str], lists: Sequence[str]) -> dict[str, str]:
    """Return a record's values under ``names`` as text, and its ``lists`` as JSON."""
    found = {name: _text(at(record, name)) for name in names}
    for name in lists:
        value = at(record, name)
        found[name] = json.dumps(value) if isinstance(value, list) else "[]"
    return found


def parsed(text: str) -> Any:
    """Parse a record. Raises ValueError, RecursionError."""
    # Numbers keep their written form, such as ids of twenty digits and amounts with two decimals.
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


def line_cells(text: str, paths: Sequence[str]) -> list[dict[str, str]]:
    """Return the entries of a list as cells by path. Entries that are not objects have no cells."""
    return [{path: _text(at(entry, path)) for path in paths} for entry in parsed(text) if isinstance(entry, dict)]


def at(value: Any, path: str) -> Any:
    """Return the value at a path, or None. A field with exactly that name takes precedence."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for name, brackets in _steps(path):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        for bracket in brackets:
            value = _entry(value, bracket)
        if value is None:
            return None
    return value


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((match[1], tuple(re.findall(r"\[([^\]]*)\]", match[2]))) for match in _STEP.finditer(path) if match[0])


def _entry(value: Any, bracket: str) -> Any:
    if not isinstance(value, list):
        return None
    name, given, wanted = bracket.partition("=")
    if not given:
        return value[int(name)] if name.isdecimal() and int(name) < len(value) else None
    return next((one for one in value if isinstance(one, dict) and _text(one.get(name)) == wanted), None)


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
