"""Reads a draft from a valid file of segmentations."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from models.features.features import FEATURES, LABELS, MISSING
from models.rules.conditions import Compare, Condition, Every, Leaf, Member, Negation, Some
from models.rules.draft import Comparison, Draft, Row, tidy, words_of
from models.rules.expressions import ExpressionError, Known, parse
from schemas.toml_text import tables

KINDS = ("rules", "bands")


def editable(text: str) -> list[str]:
    """Return the names of the segmentations of a file that can be edited as drafts."""
    return [name for name, table in tables(text, "the file", "").items() if table.get("kind") in KINDS]


def draft_of(text: str, name: str) -> Draft | None:
    """Return the draft of a segmentation; None if the file has none of that name, or if it is learned."""
    declared = tables(text, "the file", "")
    table = declared.get(name)
    if table is None or table.get("kind") not in KINDS:
        return None
    named, kind = table["segments"], table["kind"]
    known = known_names(declared, name)

    def row(entry: Mapping[str, Any]) -> Row:
        id = entry["segment"]
        shown = named[id]
        title = shown.get("name", id.replace("_", " ").capitalize())
        begun = Row(title, id, shown.get("meaning", ""))
        if kind == "bands":
            return Row(title, id, begun.meaning, enter=number(entry.get("from")), exit=number(entry.get("exit")))
        return begun if "when" not in entry else _conditioned(begun, entry["when"], known)

    return tidy(
        Draft(
            name,
            kind,
            tuple(row(entry) for entry in table[kind]),
            str(table.get("dwell_days", 0)),
            str(table.get("feature", "")),
            table.get("active", True),
        )
    )


def known_names(declared: Mapping[str, Any], besides: str) -> Known:
    """Return the names that conditions of ``besides`` may use: features, and other segmentations with their segments."""
    labels: dict[str, frozenset[str] | None] = dict.fromkeys(LABELS)
    for name, table in declared.items():
        if name != besides:
            found = table.get("segments")
            labels[name] = frozenset(found) if found and table["kind"] in KINDS else None
    return Known(frozenset(FEATURES), labels)


def number(value: float | None) -> str:
    """Format a number as people type it.

    >>> number(50), number(0.5), number(1e6), number(None)
    ('50', '0.5', '1000000', '')
    """
    if value is None:
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _conditioned(row: Row, text: str, known: Known) -> Row:
    """Return the row with its condition: as tests if it is a plain list of them, otherwise as text."""
    try:
        condition = parse(text, known)
    except ExpressionError:
        # The test uses own traits that are numbers elsewhere in the file.
        return _with(row, text=text)
    parts = condition.parts if isinstance(condition, Every | Some) else (condition,)
    tests = [_test(part, known) for part in parts]
    found = tuple(test for test in tests if test is not None)
    if len(found) < len(tests):
        return _with(row, text=text)
    return _with(row, join="or" if isinstance(condition, Some) else "and", tests=found)


def _with(row: Row, **values: Any) -> Row:
    return Row(row.name, row.id, row.meaning, **values)


def _test(part: Condition, known: Known) -> Comparison | None:
    """Convert one comparison; None if the condition is compound or of a kind the builder's lists do not offer."""
    match part:
        case Compare(feature, op, enter, exit) if feature in FEATURES:
            if enter == -inf:
                return Comparison(feature, "known")
            return Comparison(feature, op, number(enter), number(exit) if exit != enter else "")
        case Member():
            return _words(part, "is", known)
        case Negation(Compare(feature, _, enter, _)) if feature in FEATURES and enter == -inf:
            return Comparison(feature, "not known")
        case Negation(Member(name, words)) if words == {MISSING} and name in known.labels:
            return Comparison(name, "known")
        case Negation(Member() as member):
            return _words(member, "is not", known)
        case Negation(Negation(Member(name, words))) if words == {MISSING} and name in known.labels:
            return Comparison(name, "not known")
    return None


def _words(leaf: Leaf, op: str, known: Known) -> Comparison | None:
    assert isinstance(leaf, Member)
    words = sorted(leaf.segments)
    value = ", ".join(words)
    plain = leaf.segmentation in known.labels and words_of(value) == words and not any('"' in word for word in words)
    return Comparison(leaf.segmentation, op, value) if plain else None
