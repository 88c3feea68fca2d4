"""Check which messages cannot be rendered, without rendering each.

A template reads few of the values, and a shop's customers share most of them: reasons, language, segment names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import TemplateError, meta, nodes

from streamer.act.plays.book import Book
from streamer.act.render import Draft, RenderError, file_name, made, strings, tree, values


class Rehearsal:
    """Checks whether messages can be rendered. Messages whose templates read the same values are rendered once."""

    def __init__(self) -> None:
        self._ended: dict[tuple[Any, ...], str] = {}

    def render(self, draft: Draft) -> None:
        """Raise RenderError if the message cannot be rendered; see `render`."""
        language, _, known = values(draft)
        book, template = draft.book, draft.play.template
        for part in draft.parts:
            name = file_name(template, language, part)
            try:
                shown, judged = reads(book.templates.get(name, ""), part)
                read = [_at(path, known) for path in judged]
                types = [type(_at(path, known)) for path in shown]
                key = (book.version, name, *read, *map(type, read), *types)
                ended = self._ended.get(key)
            except TypeError:  # a list among the values cannot be a key
                made(name, part, book, known)
                continue
            if ended is None:
                ended = self._ended[key] = _error(name, part, book, known)
            if ended:
                raise RenderError(ended)


def _error(name: str, part: str, book: Book, known: Mapping[str, Any]) -> str:
    """Return why a part cannot be rendered; empty if it can."""
    try:
        made(name, part, book, known)
    except RenderError as error:
        return str(error)
    return ""


def _at(path: tuple[str, ...], known: Mapping[str, Any]) -> Any:
    """Return the value at a path, or the last value on the way that is not a dict; `_ABSENT` if there is none."""
    found: Any = known
    for name in path:
        if not isinstance(found, dict):
            return found
        found = found.get(name, _ABSENT)
    return found


_ABSENT: Final = ("absent",)


Path = tuple[str, ...]


@lru_cache(maxsize=256)
def reads(text: str, part: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the paths that a template only shows or tests for existence, and the other paths it reads.

    Showing a value cannot fail, whatever it is. A template with an error reads nothing.

    >>> reads("{{ shop.name }}, {% if customer.city %}{{ why|upper }}{% endif %}", "text")
    ((('shop', 'name'),), (('customer', 'city'), ('why',)))
    """
    shown: set[Path] = set()
    judged: set[Path] = set()
    try:
        for one in strings(json.loads(text)) if part == "json" else [text]:
            syntax = tree(one)
            _collect(syntax, meta.find_undeclared_variables(syntax), shown, judged)
    except (TemplateError, ValueError):
        return (), ()
    return tuple(sorted(shown)), tuple(sorted(judged))


def _collect(node: nodes.Node, roots: set[str], shown: set[Path], judged: set[Path]) -> None:
    """Collect the longest path from a known name at each place of a syntax tree."""
    for child in node.iter_child_nodes():
        path = _path(child)
        if not path:
            _collect(child, roots, shown, judged)
        elif path[0] in roots:
            asks = isinstance(node, nodes.Test) and node.name in ("defined", "undefined")
            (shown if asks or isinstance(node, nodes.Output) else judged).add(path)


def _path(node: nodes.Node) -> Path:
    """Return the path that an expression names, empty for other expressions."""
    match node:
        case nodes.Name(name=name):
            return (name,)
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str(name))):
            path = _path(inner)
            return (*path, name) if path else ()
    return ()
