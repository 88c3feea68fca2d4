from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from heart_logs import DAY, HOUR, T0, Driver, order, view

from models.features.time import DayGrid
from schemas.control import (
    IMPORT_HEADER,
    Control,
    ControlClock,
    ControlImport,
    decode_control,
    import_source,
    is_control,
)
from schemas.errors import InvalidEvent
from schemas.records import Record
from schemas.signing import ControlKeys
from schemas.topics import EVENTS
from streamer.core.policy import Policy
from streamer.sources.import_records import Outgoing, import_records
from streamer.sources.source import SourceEvent


@dataclass
class Listed:
    """A source of the events it is given."""

    happened: Sequence[SourceEvent]
    content_hash: str = "abc"
    rows: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)

    def events(self) -> Iterator[SourceEvent]:
        return iter(self.happened)


def at(instant: int, id: str = "e") -> SourceEvent:
    return SourceEvent(instant, b"ann", view(id, "ann", instant))


def controls(records: Sequence[Outgoing]) -> list[Control]:
    return [decode_control(one.value) for one in records if is_control(one.headers)]


def test_every_day_is_announced_before_its_first_event() -> None:
    grid = DayGrid("Europe/Berlin")
    source = Listed([at(T0), at(T0 + HOUR), at(T0 + 3 * DAY), at(T0 + 2 * DAY), at(T0 + 3 * DAY + HOUR)])
    records = list(import_records(source, "i-1", grid))
    kinds = [type(decode_control(r.value)).__name__ if is_control(r.headers) else "event" for r in records]
    assert kinds == [
        *("ControlImport", "ControlClock", "event", "event", "ControlClock", "event", "event", "event"),
        *("ControlClock", "ControlImport"),
    ]
    clocks = [one.at for one in controls(records) if isinstance(one, ControlClock)]
    assert clocks == [T0 - HOUR, T0 + 3 * DAY - HOUR, T0 + 3 * DAY + HOUR], "local days; the last is the last event's"
    states = [(one.state, one.source_hash) for one in controls(records) if isinstance(one, ControlImport)]
    assert states == [("opened", "abc"), ("closed", "abc")]
    events = [one for one in records if not is_control(one.headers)]
    assert all(one.headers == ((IMPORT_HEADER, b"i-1"),) and not one.every_lane for one in events)
    assert all(one.every_lane and one.key is None for one in records if is_control(one.headers))


def test_the_clock_ends_where_it_should() -> None:
    clocks = [
        one.at
        for one in controls(list(import_records(Listed([at(T0)]), "i", DayGrid(), until=T0 + 9 * DAY)))
        if isinstance(one, ControlClock)
    ]
    assert clocks[-1] == T0 + 9 * DAY
    early = controls(list(import_records(Listed([at(T0)]), "i", DayGrid(), until=T0 - DAY)))
    assert [one.at for one in early if isinstance(one, ControlClock)][-1] == T0


def test_no_clock_lies_after_the_append_time() -> None:
    source = Listed([at(T0), at(T0 + 50 * DAY), at(T0 + DAY)])
    records = list(import_records(source, "i", DayGrid(), latest=T0 + 10 * DAY, until=T0 + 99 * DAY))
    clocks = [one.at for one in controls(records) if isinstance(one, ControlClock)]
    assert clocks == [T0, T0 + DAY, T0 + 10 * DAY]
    assert sum(not is_control(one.headers) for one in records) == 3, "the event itself goes on, and is judged there"


def test_nothing_to_import() -> None:
    assert [type(one) for one in controls(list(import_records(Listed([]), "i", DayGrid())))] == [
        ControlImport,
        ControlClock,
        ControlImport,
    ]


def test_control_records_are_signed_where_there_is_a_key() -> None:
    keys = ControlKeys("shop-", (b"k",))
    seals = []
    for one in import_records(Listed([at(T0)]), "i", DayGrid()):
        assert one.headers_for(3, None) == one.headers
        signed = one.headers_for(3, keys)
        assert keys.seal_of(EVENTS, 3, one.value, signed) == one.seal
        if one.seal is not None:
            seals.append(one.seal)
            with pytest.raises(InvalidEvent):
                keys.seal_of(EVENTS, 2, one.value, signed)
    assert {seal.source for seal in seals} == {import_source("i")}
    assert [seal.number for seal in seals] == list(range(seals[0].number, seals[0].number + 2 * len(seals), 2)), (
        "between two there is room for what an import asks"
    )


def test_what_is_fed_is_decided_in_its_own_time() -> None:
    happened = [(T0 - 300 * DAY, 30.0), (T0 - 100 * DAY, 30.0)]
    source = Listed([SourceEvent(t, b"bob", order(f"e{t}", "bob", t, total)) for t, total in happened])
    driver = Driver(Policy(label_backfill=False))
    records = [
        Record(0, offset, T0, one.key, one.value, one.headers)
        for offset, one in enumerate(import_records(source, "i", DayGrid(), latest=T0))
    ]
    driver.feed(records)
    driver.tick()
    start = T0 - 300 * DAY
    assert driver.story("bob") == [
        ("new", start),
        ("at_risk", start + 90 * DAY),
        ("hibernating", start + 180 * DAY),
        ("active", T0 - 100 * DAY),
    ]
    assert driver.state.ledger.unaccounted == 0 and driver.dead == []
    assert driver.state.ledger.clock == T0 - 100 * DAY
