"""Checks of a draft, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from models.features.features import FEATURES, LABELS
from models.features.own_events import counted_event
from models.features.traits import is_own_trait
from models.messages.translatable import Translatable, translatable
from models.rules.declared import MAX_DWELL_DAYS, RESERVED
from models.rules.definitions import CLUSTERS
from models.rules.draft import (
    ID,
    KNOWN_OPS,
    OPS,
    WORD_OPS,
    Comparison,
    Draft,
    Row,
    condition_text,
    field,
    same_id,
    words_of,
)
from models.rules.draft_reading import known_names
from models.rules.expressions import KEYWORDS, ExpressionError, Known, parse

FILE: Final = "file"
"""Field of faults that belong to no other field."""
MOST_NAME: Final = 200
MOST_MEANING: Final = 2_000
_DAYS: Final = re.compile(r"\d{1,9}")
_NUMBER: Final = re.compile(r"-?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class Fault(NamedTuple):
    """A fault in a field, with an optional hint how to fix it."""

    field: str
    text: Translatable
    hint: str = ""


def faults(draft: Draft, declared: Mapping[str, Any], before: str | None) -> Iterator[Fault]:
    """Yield every fault in the fields of a draft.

    Parameters
    ----------
    declared
        The tables of the file the draft is written to.
    before
        The name of the segmentation it replaces; None for a new one.
    """
    yield from _name(draft.name, declared, before)
    if not _DAYS.fullmatch(draft.dwell_days.strip()) or int(draft.dwell_days) > MAX_DWELL_DAYS:
        yield Fault("dwell_days", translatable("draft dwell", most=MAX_DWELL_DAYS))
    for at, row in enumerate(draft.rows):
        yield from _named(at, draft.rows)
        if len(row.meaning) > MOST_MEANING:
            yield Fault(field(at, "meaning"), translatable("draft long", most=MOST_MEANING))
    yield from _bands(draft) if draft.kind == "bands" else _rules(draft, declared)


def _name(name: str, declared: Mapping[str, Any], before: str | None) -> Iterator[Fault]:
    if before is not None and name != before:
        yield Fault("name", translatable("draft keeps", name=before))
    elif not ID.fullmatch(name) or name in KEYWORDS:
        yield Fault("name", translatable("draft id"))
    elif name in RESERVED or name in FEATURES or name in LABELS or name in CLUSTERS:
        yield Fault("name", translatable("draft taken", name=name))
    elif name != before and name in declared:
        yield Fault("name", translatable("draft there", name=name))


def _named(at: int, rows: tuple[Row, ...]) -> Iterator[Fault]:
    name = rows[at].name
    if same_id(rows, at):
        return
    if not name.strip():
        yield Fault(field(at, "name"), translatable("draft no name"))
    elif len(name) > MOST_NAME:
        yield Fault(field(at, "name"), translatable("draft long", most=MOST_NAME))
    elif any(row.name == name and (not row.id or row.id != rows[at].id) for row in rows[:at]):
        yield Fault(field(at, "name"), translatable("draft two", name=name))


def _rules(draft: Draft, declared: Mapping[str, Any]) -> Iterator[Fault]:
    active = {name: table for name, table in declared.items() if table.get("active", True) or not draft.active}
    known = known_names(active, draft.name)
    for at, row in enumerate(draft.rows[:-1]):
        if row.text is not None:
            yield from _parsed(field(at, "text"), row.text, known)
        elif not row.tests:
            yield Fault(field(at, "tests"), translatable("draft no test"))
        for place, test in enumerate(row.tests):
            found = list(_test(at, place, test, known))
            yield from found or _parsed(field(at, "value", place), condition_text(Row(tests=(test,))), known)


def _parsed(place: str, text: str, known: Known) -> Iterator[Fault]:
    if not text.strip():
        yield Fault(place, translatable("draft no test"))
        return
    try:
        parse(text, known)
    except ExpressionError as error:
        yield Fault(place, translatable("draft unread", why=error.message), error.hint)


def _test(at: int, place: int, test: Comparison, known: Known) -> Iterator[Fault]:
    if test.feature not in known.numbers and test.feature not in known.labels:
        yield Fault(field(at, "feature", place), translatable("draft no feature"))
    elif test.op in KNOWN_OPS:
        return
    elif test.feature in known.numbers:
        yield from _compared(at, place, test)
    else:
        yield from _worded(at, place, test, known)


def _compared(at: int, place: int, test: Comparison) -> Iterator[Fault]:
    if test.op not in OPS:
        yield Fault(field(at, "op", place), translatable("draft needs numbers"))
        return
    enter, exit = number_of(test.value), number_of(test.exit)
    if enter is None:
        yield Fault(field(at, "value", place), translatable("draft no number"))
    if not test.exit.strip():
        return
    if exit is None:
        yield Fault(field(at, "exit", place), translatable("draft no number"))
    elif test.op in ("=", "!="):
        yield Fault(field(at, "exit", place), translatable("draft exit useless"))
    elif enter is not None and (exit > enter if test.op in (">=", ">") else exit < enter):
        wrong = "draft exit above" if exit > enter else "draft exit below"
        yield Fault(field(at, "exit", place), translatable(wrong, enter=test.value.strip()))


def _worded(at: int, place: int, test: Comparison, known: Known) -> Iterator[Fault]:
    if test.op not in WORD_OPS:
        yield Fault(field(at, "op", place), translatable("draft needs words"))
        return
    words, possible = words_of(test.value), known.labels[test.feature]
    if not words:
        yield Fault(field(at, "value", place), translatable("draft no word"))
    elif possible is not None and (strange := [word for word in words if word not in possible]):
        text = translatable("draft no such word", word=strange[0], known=", ".join(sorted(possible)))
        yield Fault(field(at, "value", place), text)
    elif any('"' in word and "'" in word for word in words):
        yield Fault(field(at, "value", place), translatable("draft quotes"))


def _bands(draft: Draft) -> Iterator[Fault]:
    feature = draft.feature
    if feature not in FEATURES and not is_own_trait(feature) and counted_event(feature) is None:
        yield Fault("feature", translatable("draft no feature"))
    if len(draft.rows) < 2:
        yield Fault(FILE, translatable("draft one band"))
    last: tuple[float, float] | None = None
    for at, row in enumerate(draft.rows):
        if row.id and same_id(draft.rows, at):
            yield Fault(field(at, "name"), translatable("draft two", name=row.name))
        if at:
            border, found = _border(at, row, last)
            yield from found
            last = border or last


def _border(at: int, row: Row, last: tuple[float, float] | None) -> tuple[tuple[float, float] | None, list[Fault]]:
    enter, exit = number_of(row.enter), number_of(row.exit.strip() or row.enter)
    if enter is None:
        return None, [Fault(field(at, "enter"), translatable("draft no number"))]
    if exit is None:
        return None, [Fault(field(at, "exit"), translatable("draft no number"))]
    if exit > enter:
        return None, [Fault(field(at, "exit"), translatable("draft exit above", enter=row.enter.strip()))]
    if last is not None and (enter <= last[0] or exit <= last[1]):
        return None, [Fault(field(at, "enter"), translatable("draft not rising"))]
    return (enter, exit), []


def number_of(text: str) -> float | None:
    """Parse a typed number; None if it is not a number, or too large for a file.

    >>> number_of(" 1_000.5 "), number_of("1,5"), number_of(""), number_of("1e400")
    (1000.5, None, None, None)
    """
    if not _NUMBER.fullmatch(text.strip()):
        return None
    try:
        value = float(text.strip().replace("_", ""))
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None
