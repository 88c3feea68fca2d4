"""Line numbers in a TOML text, for error messages: ``tomllib`` does not report them."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_.-]+|"[^"]*"|'[^']*')\s*=""")
_LONG = re.compile(r"\"\"\"|'''")


class Lines:
    """Line numbers of keys, from 1.

    >>> Lines("[a]\\nkind = 'rules'\\n[b.c]\\nx = 1").of("b", "c", "x")
    4
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        in_long = False
        for number, line in enumerate(self._lines, 1):
            inside, in_long = in_long, in_long ^ (len(_LONG.findall(line)) % 2 == 1)
            if inside:
                continue
            if (header := _HEADER.match(line)) is not None:
                table = _path(header.group(1))
                self._found.setdefault(table, number)
            elif (key := _KEY.match(line)) is not None:
                self._found.setdefault((*table, *_path(key.group(1))), number)

    def of(self, *path: str) -> int:
        """Return the line of a key, or of the nearest enclosing table."""
        for length in range(len(path), 0, -1):
            if (found := self._found.get(path[:length])) is not None:
                return found
        return 1

    def holding(self, needle: str, start: int) -> int:
        """Return the first line from ``start`` on that contains ``needle``; ``start`` if none does."""
        for number in range(start, len(self._lines) + 1):
            if needle in self._lines[number - 1]:
                return number
        return start


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
