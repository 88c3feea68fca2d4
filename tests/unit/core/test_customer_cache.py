"""Test a lane's customers in memory: their rows, their clocks, and what is left when they are evicted."""

from __future__ import annotations

import pytest

from models.behaviour.memory import Memory
from models.customer.customer import Customer
from streamer.core.customer_cache import CustomerCache

DAY = 20_000


@pytest.fixture
def cache() -> CustomerCache:
    return CustomerCache(Memory(4))


def add(cache: CustomerCache, id: str, *, clock_id: str | None = None, day: int | None = DAY) -> Customer:
    customer = Customer(id, (0, 0), 0)
    customer.clock_id = clock_id
    cache.load(customer, -1 if day is None else cache.memory.new_row(day))
    return customer


def rows(cache: CustomerCache, clock_id: str | None) -> list[int]:
    [(_, found)] = cache.rows_by_clock([clock_id])
    return sorted(found.tolist())


def test_a_customer_is_found_by_id_and_by_row(cache: CustomerCache) -> None:
    ann, bob = add(cache, "ann"), add(cache, "bob", day=None)
    assert (len(cache), cache.get("ann"), cache.get("bob"), cache.get("eve")) == (2, ann, bob, None)
    assert cache.of_row(ann.row) is ann
    assert (ann.is_segmentable, bob.is_segmentable) == (True, False)


def test_who_gives_up_the_row_is_no_longer_segmentable(cache: CustomerCache) -> None:
    ann = add(cache, "ann")
    cache.take_row(ann)
    assert (ann.row, ann.is_segmentable) == (-1, False)
    cache.give_row(ann, cache.memory.new_row(DAY))
    assert (ann.row >= 0, ann.is_segmentable) == (True, True)


def test_an_evicted_customer_leaves_its_row_to_the_next(cache: CustomerCache) -> None:
    ann = add(cache, "ann")
    row = ann.row
    cache.evict("ann")
    assert (len(cache), ann.row, rows(cache, None)) == (0, -1, [])
    with pytest.raises(KeyError):
        cache.of_row(row)
    bob = add(cache, "bob")
    assert bob.row == row and cache.of_row(row) is bob


def test_who_loses_consent_stays_without_a_row(cache: CustomerCache) -> None:
    ann = add(cache, "ann")
    cache.take_row(ann)
    assert cache.get("ann") is ann and not ann.is_segmentable
    # Nothing is left to free.
    cache.evict("ann")
    assert len(cache) == 0


def test_rows_are_grouped_by_clock_also_after_a_move(cache: CustomerCache) -> None:
    ann, bob, eve = add(cache, "ann"), add(cache, "bob", clock_id="import"), add(cache, "eve", clock_id="import")
    assert (rows(cache, None), rows(cache, "import")) == ([ann.row], [bob.row, eve.row])
    cache.move_clock(bob, None)
    assert (rows(cache, None), rows(cache, "import")) == (sorted([ann.row, bob.row]), [eve.row])
    assert cache.clock_ids == (None, "import")


def test_there_is_room_for_more_rows_than_at_first(cache: CustomerCache) -> None:
    added = [add(cache, f"c{number}", clock_id=("a", "b")[number % 2]) for number in range(2_500)]
    assert rows(cache, "a") == sorted(one.row for one in added[::2])
    assert rows(cache, "b") == sorted(one.row for one in added[1::2])


def test_a_customer_with_an_older_day_is_behind(cache: CustomerCache) -> None:
    ann = add(cache, "ann")
    cache.stepped[None] = DAY + 3
    assert not cache.is_behind(ann, DAY + 3), "all of this clock were stepped to that day"
    bob = add(cache, "bob", day=DAY + 1)
    assert cache.stepped[None] == DAY + 1
    assert cache.is_behind(bob, DAY + 2) and not cache.is_behind(bob, DAY + 1)
    cache.stepped["import"] = DAY + 9
    cache.move_clock(bob, "import")
    assert cache.stepped["import"] == DAY + 1 and cache.is_behind(bob, DAY + 9)


def test_aliases_are_counted(cache: CustomerCache) -> None:
    alias = Customer("old", (0, 0), 0)
    alias.edit_profile().alias = "new"
    cache.load(alias, -1)
    assert cache.aliases == 1
    cache.evict("old")
    assert cache.aliases == 0
