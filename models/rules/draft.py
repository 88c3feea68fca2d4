"""A segmentation being edited: each field holds the text as typed, which may be invalid.

The file remains the source of truth: a draft is read from it (`models.rules.draft_reading`), checked
(`models.rules.draft_checks`) and written back into it (`models.rules.draft_writing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from unicodedata import normalize

from models.rules.conditions import Op
from models.rules.expressions import KEYWORDS

OPS: Final[tuple[Op, ...]] = (">=", ">", "<=", "<", "=", "!=")
"""Operators of numeric features."""
WORD_OPS: Final = ("is", "is not")
KNOWN_OPS: Final = ("known", "not known")
JOINS: Final = ("and", "or")
ROW_FIELDS: Final = ("name", "meaning", "text", "enter", "exit")
MOST_ROWS: Final = 60
MOST_TESTS: Final = 12
"""Maximum number of tests per row."""

ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a condition.

    Attributes
    ----------
    op
        One of `OPS`, `WORD_OPS` and `KNOWN_OPS`.
    value
        A number, or words separated by commas.
    exit
        The border for leaving the segment; empty if it equals ``value``.
    """

    feature: str = ""
    op: str = ">="
    value: str = ""
    exit: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A segment and the condition or band that leads to it.

    Attributes
    ----------
    id
        Empty while the segment is new: it is derived from the name.
    join
        How the tests are joined, one of `JOINS`.
    text
        The condition in file syntax, if it is not written as tests.
    enter, exit
        The borders of a band.
    """

    name: str = ""
    id: str = ""
    meaning: str = ""
    join: str = "and"
    tests: tuple[Comparison, ...] = ()
    text: str | None = None
    enter: str = ""
    exit: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One segmentation. The last row of ``rules`` is the default; the first of ``bands`` covers the lowest values."""

    name: str
    kind: str
    rows: tuple[Row, ...]
    dwell_days: str = "0"
    feature: str = ""
    active: bool = True


def empty(kind: str) -> Draft:
    """Return the initial draft of a new segmentation."""
    if kind == "bands":
        return Draft("", "bands", (Row(), Row()), feature="spend_decayed")
    return Draft("", "rules", (Row(tests=(Comparison("orders", ">=", "2"),)), Row()))


def tidy(draft: Draft) -> Draft:
    """Normalise the draft.

    Rows of one segment share its name, the last rule has no condition, and no row keeps fields of the other kind.
    """
    first: dict[str, Row] = {}
    rows = []
    for row in draft.rows:
        shown = first.setdefault(row.id, row) if row.id else row
        row = replace(row, name=shown.name, meaning=shown.meaning)
        if row.text is not None:
            row = replace(row, join="and", tests=())
        rows.append(_unconditioned(row) if draft.kind == "bands" else replace(row, enter="", exit=""))
    if draft.kind == "rules" and rows:
        rows[-1] = _unconditioned(rows[-1])
    return replace(draft, rows=tuple(rows), feature=draft.feature if draft.kind == "bands" else "")


def _unconditioned(row: Row) -> Row:
    return replace(row, join="and", tests=(), text=None)


def with_ids(draft: Draft, taken: Iterable[str] = ()) -> list[str]:
    """Return the id of each row; a row without one gets an id derived from its name.

    >>> with_ids(Draft("a", "rules", (Row("Tea lovers"), Row("茶客"), Row("Tea lovers"), Row("All", "rest"))))
    ['tea_lovers', 'segment_1', 'tea_lovers_2', 'rest']
    """
    held = {*taken, *(row.id for row in draft.rows)}
    found = []
    for row in draft.rows:
        id = row.id or _id_of(row.name, held)
        held.add(id)
        found.append(id)
    return found


def _id_of(name: str, held: set[str]) -> str:
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:40].strip("_")
    if not re.match("[a-z]", slug):
        return next(id for number in range(1, 10_000) if (id := f"segment_{number}") not in held)
    if slug in held or slug in KEYWORDS:
        return next(id for number in range(2, 10_000) if (id := f"{slug}_{number}") not in held)
    return slug


def condition_text(row: Row) -> str:
    """Return the condition in file syntax; empty without one."""
    if row.text is not None:
        return row.text
    return f" {row.join} ".join(_test_text(test) for test in row.tests)


def _test_text(test: Comparison) -> str:
    """
    >>> _test_text(Comparison("lateness", ">=", "2", "1.8")), _test_text(Comparison("value", "is not", "high, very high"))
    ('lateness >= 2 exit 1.8', 'value not in (high, "very high")')
    """
    if test.op in KNOWN_OPS:
        return f"{test.op}({test.feature})"
    if test.op in WORD_OPS:
        words = [quoted(word) for word in words_of(test.value)]
        if len(words) == 1:
            return f"{test.feature} {test.op} {words[0]}"
        return f"{test.feature} {'not in' if test.op == 'is not' else 'in'} ({', '.join(words)})"
    leave = f" exit {test.exit.strip()}" if test.exit.strip() else ""
    return f"{test.feature} {test.op} {test.value.strip()}{leave}"


def words_of(value: str) -> list[str]:
    """Split text into words at commas.

    >>> words_of(" high,, top ，x")
    ['high', 'top', 'x']
    """
    return [word for part in re.split("[,，]", value) if (word := part.strip())]


def quoted(word: str) -> str:
    """Return a word in condition syntax, quoted if necessary.

    >>> quoted("high"), quoted("new in town"), quoted("in")
    ('high', '"new in town"', '"in"')
    """
    if _BARE.fullmatch(word) and word not in KEYWORDS:
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def edited(draft: Draft, order: str) -> Draft:
    """Apply one command of the builder to the draft; an unknown command changes nothing.

    ``add``, ``drop:ROW``, ``up:ROW``, ``down:ROW``, ``test:ROW`` (add a test), ``drop:ROW:TEST``, ``text:ROW`` (edit
    the condition as text).
    """
    what, *places = order.split(":")
    at = [int(place) for place in places if place.isdecimal() and len(place) < 4]
    if len(at) != len(places) or (at and at[0] >= len(draft.rows)):
        return draft
    match what, at:
        case "add", []:
            return _with_row(draft)
        case "drop", [row] if len(draft.rows) > 1:
            return replace(draft, rows=(*draft.rows[:row], *draft.rows[row + 1 :]))
        case (("up" | "down"), [row]):
            return _moved(draft, row, row + (-1 if what == "up" else 1))
        case (("test" | "text"), [row]):
            return _changed(draft, row, _with_test(draft.rows[row]) if what == "test" else _by_hand(draft.rows[row]))
        case "drop", [row, test] if test < len(tests := draft.rows[row].tests):
            return _changed(draft, row, replace(draft.rows[row], tests=(*tests[:test], *tests[test + 1 :])))
    return draft


def _with_row(draft: Draft) -> Draft:
    """Add a row: before the default of rules, above the highest of bands."""
    if len(draft.rows) >= MOST_ROWS:
        return draft
    if draft.kind == "bands":
        return replace(draft, rows=(*draft.rows, Row()))
    return replace(draft, rows=(*draft.rows[:-1], Row(tests=(Comparison(),)), *draft.rows[-1:]))


def _moved(draft: Draft, row: int, to: int) -> Draft:
    """Swap two rows. The default stays last among rules; bands keep their borders and only swap segments."""
    last = len(draft.rows) - (2 if draft.kind == "rules" else 1)
    if not 0 <= to <= last or row > last:
        return draft
    rows = list(draft.rows)
    rows[row], rows[to] = rows[to], rows[row]
    if draft.kind == "bands":
        for place in (row, to):
            rows[place] = replace(rows[place], enter=draft.rows[place].enter, exit=draft.rows[place].exit)
    return replace(draft, rows=tuple(rows))


def _with_test(row: Row) -> Row:
    return (
        row if row.text is not None or len(row.tests) >= MOST_TESTS else replace(row, tests=(*row.tests, Comparison()))
    )


def _by_hand(row: Row) -> Row:
    return replace(row, text=condition_text(row), tests=())


def _changed(draft: Draft, at: int, row: Row) -> Draft:
    return replace(draft, rows=(*draft.rows[:at], row, *draft.rows[at + 1 :]))


def field(row: int, name: str, test: int | None = None) -> str:
    """Return the name of a row's field, or of a test's field, in forms and findings.

    >>> field(0, "name"), field(2, "value", 1)
    ('r0.name', 'r2.t1.value')
    """
    return f"r{row}.{name}" if test is None else f"r{row}.t{test}.{name}"


def same_id(rows: Sequence[Row], at: int) -> bool:
    """Return whether an earlier row leads to the same segment and so holds its name."""
    return any(row.id == rows[at].id != "" for row in rows[:at])
