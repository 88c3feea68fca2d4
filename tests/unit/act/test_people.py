"""Test customers whom plays reached, packed and open."""

from __future__ import annotations

from streamer.act import store
from streamer.act.heart.people import People, Person
from streamer.act.heart.state import Outcome, State

FULL = Person(7, {"win_back": 5}, {20_800: 1}, {"*": True}, {"offers": (False, 3)}, "ab" * 16, "bounced")


def test_a_change_of_an_open_customer_outlives_packing() -> None:
    people = People()
    person = people.touch("ann")
    person.sends["win_back"] = 5
    people.fold()
    found = people.get("ann")
    assert found is not None and found is not person and found.sends == {"win_back": 5}
    found.days[20_800] = 1
    people.fold()
    assert people.get("ann") == Person(sends={"win_back": 5}, days={20_800: 1})
    assert list(people) == ["ann"] and len(people) == 1 and "ann" in people


def test_a_forgotten_customer_is_a_tombstone_open_or_packed() -> None:
    people = People()
    people.touch("ann")
    assert people.remove("ann") and not people.remove("ann")
    people.touch("bob")
    people.fold()
    people.get("bob")
    assert people.remove("bob") and people.packed("bob") is None and len(people) == 0
    people.fold()
    assert people.get("bob") is None


def test_what_is_stored_is_what_a_restart_holds() -> None:
    state, outcome = State(), Outcome(people={"ann", "gone"})
    person = state.people.touch("ann")
    for field in FULL.__struct_fields__:
        setattr(person, field, getattr(FULL, field))
    records = [
        (write.key or b"", write.value) for writes in store.writes(outcome, state, 1).values() for write in writes
    ]
    assert (b"p:gone", None) in records
    again = State()
    store.restore(records, again)
    assert again.people.get("ann") == FULL and again.people.get("gone") is None


def test_choices_and_addresses_are_all_that_is_left_of_customers_as_if_unwritten() -> None:
    people = People()
    for id in ("ann", "bob"):
        person = people.touch(id)
        for field in FULL.__struct_fields__:
            setattr(person, field, getattr(FULL, field))
    found = people.unwritten(["ann", "nobody"])
    assert list(found) == ["ann"]
    assert found.get("ann") == Person(lists={"offers": (False, 3)}, address="ab" * 16, refused="bounced")
    found.touch("ann").lists.clear()
    assert people.get("ann") == FULL
