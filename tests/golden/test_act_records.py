"""Test that stored records of ``streamer.act.v1`` keep their meaning, so that a new release can continue.

``act_records.jsonl`` is append-only. Each line is a stored record (key and value as base64) and its meaning.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import topics
from streamer.act import store
from streamer.act.heart.state import Outcome, State

LINES = [json.loads(line) for line in Path(__file__).with_name("act_records.jsonl").read_text().splitlines()]


def restored(line: Any) -> tuple[State, Any]:
    """Return the state after one record, and the record's value by field name."""
    state = State()
    store.restore([(line["key"].encode(), base64.b64decode(line["value"]))], state)
    kind, name = line["key"][:2], line["key"][2:]
    readers: dict[str, Callable[[], Any]] = {
        "p:": lambda: state.people.get(name),
        "m:": lambda: state.messages[name],
        "s:": lambda: state.suppressed[name],
        "w:": lambda: state.measures[name],
        "c:": lambda: state.coupons.get(name),
        "!l": lambda: state.ledger,
        "!b": lambda: store._stored(state.books[int(line["key"].rpartition(":")[2])]),
    }
    found = readers[kind]()
    return state, json.loads(msgspec.json.encode(named(found)))


def named(found: Any) -> Any:
    """Return a value with the names of its fields, which are stored by position: today's and the stored ones."""
    if isinstance(found, msgspec.Struct):
        fields = msgspec.structs.fields(found)
        return {name: named(getattr(found, one.name)) for one in fields for name in (one.name, one.encode_name)}
    if isinstance(found, dict):
        return {str(name): named(value) for name, value in found.items()}
    return [named(one) for one in found] if isinstance(found, list | tuple) else found


def missing(old: Any, new: Any) -> bool:
    """Return whether a new meaning lacks part of the old one; fields may be added."""
    if isinstance(old, dict) and isinstance(new, dict):
        return any(missing(value, new.get(name)) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(missing(*pair) for pair in zip(old, new, strict=True))
    return bool(old != new)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["key"])
def test_an_old_record_means_what_it_meant(line: Any) -> None:
    _, found = restored(line)
    assert not missing(line["means"], found), found


def test_every_kind_of_record_is_here_and_written_records_are_read_again() -> None:
    assert {line["key"][:2] for line in LINES} == {"p:", "m:", "s:", "w:", "c:", "!l", "!b"}
    whole = State()
    store.restore([(line["key"].encode(), base64.b64decode(line["value"])) for line in LINES], whole)
    everything = Outcome(
        people=set(whole.people),
        messages=set(whole.messages),
        suppressed=set(whole.suppressed),
        measures=set(whole.measures),
        books=set(whole.books),
        coupons={line["key"][2:] for line in LINES if line["key"].startswith("c:")},
        moved=True,
    )
    again = State()
    store.restore(((one.key or b"", one.value) for one in store.writes(everything, whole, 1)[topics.ACT, 0]), again)
    assert named(again.ledger) == named(whole.ledger) and again.messages == whole.messages
    assert [named(again.people.get(id)) for id in whole.people] == [named(whole.people.get(id)) for id in whole.people]
    assert (again.measures, again.suppressed, again.books) == (whole.measures, whole.suppressed, whole.books)
