"""Test linking ids in the core: over lanes, in chains, rejected, sent back, erased."""

from __future__ import annotations

from dataclasses import replace

import pytest
from heart_lanes_many import Lanes
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, event, order, reversal, view
from heart_strategies import MOODS

from schemas.control import ALIAS_HEADER, IMPORT_HEADER, REROUTED_HEADER
from schemas.partition import partition_for
from streamer.core.decision import Rerouted
from streamer.core.policy import Policy

LANES = replace(MOODS, lanes=2)
ANN, GUS, BOB, LEO = "ann", "gus", "bob", "leo"
"""`gus` is in lane 1, the others in lane 0."""


def link(old: str, new: str, at: int = T0 + HOUR, id: str = "") -> bytes:
    return event("identity.linked", id or f"l-{old}-{new}", new, at, anonymous_id=old)


def test_where_they_live() -> None:
    assert [partition_for(id.encode(), 2) for id in (ANN, GUS, BOB, LEO)] == [0, 1, 0, 0]


@pytest.mark.parametrize(("old", "new"), [(GUS, ANN), (ANN, GUS), (ANN, BOB)])
def test_a_link_makes_one_customer_of_two(old: str, new: str) -> None:
    lanes = Lanes(LANES)
    lanes.event(order("a", old, T0, 40.0))
    lanes.event(order("b", new, T0 + 1, 30.0))
    lanes.event(link(old, new))
    lanes.settle()
    one = lanes.customer(new)
    assert (one.statistics.orders, one.statistics.spend, one.first_seen, one.statistics.last_order) == (
        2,
        7_000,
        T0,
        T0 + 1,
    )
    ends = [(c.segmentation, c.after, c.cause) for c in lanes.changes(old) if c.after is None]
    assert ends == [(name, None, "merge") for name in ("lifecycle", "mood", "value")]
    merged = [(c.segmentation, c.before, c.after) for c in lanes.changes(new) if c.cause == "merge"]
    assert merged == [("value", "low", "medium"), ("lifecycle", "new", "active")]
    assert not any(c.automation_safe for c in lanes.changes(new) if c.cause == "merge")
    assert sum(driver.state.ledger.customers for driver in lanes.drivers) == 1
    # Later events of the old id follow, and repeats of either are repeats.
    lanes.event(order("c", old, T0 + 2 * HOUR, 5.0))
    lanes.event(order("a", old, T0, 40.0))
    lanes.event(order("b", new, T0 + 1, 30.0))
    lanes.event(link(old, new))
    lanes.settle()
    assert (lanes.customer(new).statistics.orders, lanes.customer(new).statistics.spend) == (3, 7_500)
    assert sum(driver.state.ledger.duplicates for driver in lanes.drivers) == 3
    assert not lanes.dead()


def test_somebody_known_only_by_the_link_is_a_customer() -> None:
    lanes = Lanes(LANES)
    lanes.event(link(GUS, ANN))
    lanes.event(view("v", GUS, T0 + 2 * HOUR))
    lanes.settle()
    assert lanes.customer(ANN).segments["lifecycle"].segment == "prospect"
    assert lanes.customer(ANN).statistics.interactions[0] == 1


@pytest.mark.parametrize(
    ("old", "new"), [("ann", "ann"), ("null", "ann"), ("gus", "NULL"), ("anonymous", "ann"), ("gus", "undefined")]
)
def test_ids_that_stand_for_nobody_are_joined_to_nobody(old: str, new: str) -> None:
    lanes = Lanes(LANES)
    lanes.event(link(old, new))
    lanes.settle()
    assert len(lanes.dead()) == 1 and not lanes.holds(old) and not lanes.holds(new)


def test_two_known_customers_are_joined_only_where_that_is_set() -> None:
    for known in (False, True):
        lanes = Lanes(replace(LANES, merge_known=known))
        lanes.event(order("a", GUS, T0, 10.0))
        lanes.event(link(GUS, ANN))
        lanes.settle()
        lanes.event(link(ANN, BOB, T0 + 2 * HOUR))
        lanes.settle()
        assert len(lanes.dead()) == (not known)
        assert lanes.customer(BOB if known else ANN).statistics.orders == 1
        if known:
            # A chain: events of the oldest id are passed on.
            lanes.event(order("b", GUS, T0 + 3 * HOUR, 10.0))
            lanes.settle()
            assert lanes.customer(BOB).statistics.orders == 2
            profile = lanes.customer(BOB).profile
            assert profile is not None and profile.aliases == [ANN, GUS]


def test_an_id_belongs_to_one_customer_and_no_cycle_is_made() -> None:
    lanes = Lanes(replace(LANES, merge_known=True))
    lanes.event(link(GUS, ANN))
    lanes.settle()
    lanes.event(link(GUS, BOB))
    lanes.event(link(ANN, GUS))
    lanes.settle()
    assert len(lanes.dead()) == 2 and lanes.customer(ANN).profile is not None


@pytest.mark.parametrize(("old", "new"), [(GUS, ANN), (ANN, GUS), (ANN, BOB)])
def test_two_ids_joined_to_each_other_at_once_end_as_one_customer(old: str, new: str) -> None:
    lanes = Lanes(LANES)
    lanes.event(order("a", old, T0, 10.0))
    lanes.event(order("b", new, T0, 20.0))
    lanes.event(link(old, new))
    lanes.event(link(new, old))
    lanes.event(order("c", old, T0 + 2 * HOUR, 5.0))
    lanes.event(order("d", new, T0 + 2 * HOUR, 5.0))
    lanes.finish(T0 + DAY)
    stays = min(old, new)
    assert (lanes.customer(stays).statistics.orders, lanes.customer(stays).statistics.spend) == (4, 4_000)
    assert sum(driver.state.ledger.customers for driver in lanes.drivers) == 1


def test_beyond_the_limit_a_merge_comes_back() -> None:
    lanes = Lanes(replace(LANES, merge_limit=2))
    for number in range(3):
        lanes.event(order(f"o{number}", f"anon-{number}", T0 + number, 10.0))
        lanes.event(link(f"anon-{number}", ANN, T0 + HOUR))
        if number == 2:
            # In transit while the merge is rejected.
            lanes.event(order("late", "anon-2", T0 + 2 * HOUR, 5.0))
        lanes.settle()
    assert lanes.customer(ANN).statistics.orders == 2
    back = lanes.customer("anon-2")
    assert (back.statistics.orders, back.statistics.spend) == (2, 1_500) and set(back.segments) == {
        "lifecycle",
        "mood",
        "value",
    }
    assert not lanes.dead()


def test_orders_and_reversals_find_each_other_over_a_merge() -> None:
    lanes = Lanes(LANES)
    lanes.event(order("a", GUS, T0, 40.0, "o1"))
    lanes.event(order("b", ANN, T0, 40.0, "o1"))
    lanes.event(reversal("r", ANN, T0 + 1, "o2", total=10.0))
    lanes.event(order("c", GUS, T0 + 1, 30.0, "o2"))
    lanes.event(link(GUS, ANN))
    lanes.settle()
    one = lanes.customer(ANN)
    assert (one.statistics.orders, one.statistics.spend, len(one.book.orders), one.book.waiting) == (2, 6_000, 2, [])


@pytest.mark.parametrize("erased", [GUS, ANN])
def test_an_erase_follows_aliases_in_both_directions(erased: str) -> None:
    lanes = Lanes(LANES)
    lanes.event(order("a", GUS, T0, 40.0))
    lanes.event(link(GUS, ANN))
    lanes.settle()
    lanes.event(event("customer.erased", "x", erased, T0 + 2 * HOUR))
    lanes.event(order("a", GUS, T0, 40.0))
    lanes.settle()
    assert not lanes.holds(GUS) and not lanes.holds(ANN)
    assert [driver.state.ledger.customers for driver in lanes.drivers] == [0, 0]
    assert all(change.cause in ("event", "merge", "erase") for change in lanes.changes(ANN))
    # Both may return, as two customers.
    lanes.event(view("v", GUS, T0 + 3 * HOUR), now=T0 + 3 * HOUR)
    lanes.event(view("w", ANN, T0 + 3 * HOUR))
    lanes.settle()
    assert lanes.customer(GUS).seq == lanes.customer(ANN).seq == 3


def test_a_merge_under_way_while_the_customer_is_erased_brings_nothing_back() -> None:
    lanes = Lanes(LANES)
    lanes.event(order("a", GUS, T0, 40.0))
    lanes.event(order("b", ANN, T0, 40.0))
    lanes.event(link(GUS, ANN))
    lanes.event(event("customer.erased", "x", ANN, T0 + 2 * HOUR))
    lanes.settle()
    assert not lanes.holds(GUS) and not lanes.holds(ANN)


def test_consent_travels_and_the_latest_word_counts() -> None:
    for later, allowed in ((GUS, False), (ANN, True)):
        lanes = Lanes(LANES)
        consent = {"marketing": True, "analytics": True}
        lanes.event(order("a", GUS, T0, 40.0))
        lanes.event(order("b", ANN, T0, 40.0))
        lanes.event(event("consent.updated", "g", GUS, T0 + (later == GUS), personalization=False, **consent))
        lanes.event(event("consent.updated", "h", ANN, T0 + (later == ANN), personalization=True, **consent))
        lanes.event(link(GUS, ANN))
        lanes.settle()
        assert bool(lanes.customer(ANN).segments) == allowed
        assert lanes.customer(ANN).statistics.orders == (1 if allowed else 0)


def test_a_damaged_merge_is_a_dead_letter() -> None:
    lanes = Lanes(LANES)
    lanes.event(link(GUS, ANN))
    merge = lanes.waiting.pop()
    value = (merge.value or b"").replace(b'"spend"', b'"spent"')
    lanes.put(Rerouted(merge.partition, None, value, merge.headers))
    assert [dead.reason for dead in lanes.drivers[0].dead] == ["bad_control"]


def test_an_alias_comes_back_from_its_part_and_forwards() -> None:
    lanes = Lanes(LANES)
    lanes.event(link(GUS, ANN))
    lanes.settle()
    driver: Driver = lanes.driver_of(GUS)
    assert set(driver.parts[GUS]) == {"a"}
    driver.drop([GUS])
    lanes.event(order("a", GUS, T0 + 2 * HOUR, 5.0))
    lanes.settle()
    assert lanes.customer(ANN).statistics.orders == 1


def test_a_record_of_an_alias_that_nobody_knows_goes_back_with_a_mark() -> None:
    lane = partition_for(b"ann", Policy().lanes)
    log = LogMaker(partition=lane)
    headers = [(IMPORT_HEADER, b"old-shop"), (ALIAS_HEADER, b"visitor")]
    log.put(b"ann", view("v", "visitor", T0), headers)
    driver = Driver(partition=lane)
    driver.feed(log.records)
    [back] = driver.rerouted
    assert back.partition == partition_for(back.key or b"", Policy().lanes)
    # A resumed import counts what it wrote by these headers.
    assert dict(back.headers) == {IMPORT_HEADER: b"old-shop", REROUTED_HEADER: b"%d" % lane}
