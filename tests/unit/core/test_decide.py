from __future__ import annotations

from dataclasses import replace

import pytest
from heart_logs import DAY, HOUR, SECOND, T0, Driver, LogMaker, check_chain, order, reversal, state_of, view
from heart_models import jumpy

from models.features.features import FEATURES
from schemas.control import REROUTED_HEADER, ControlDefinitions, ControlMerge, ControlModel
from schemas.money import Rates
from streamer.core.policy import Policy


def played(log: LogMaker, policy: Policy | None = None) -> Driver:
    driver = Driver(policy)
    driver.feed(log.records)
    check_chain(driver.changes)
    return driver


# -- dead letters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "stage", "reason"),
    [
        (b"ann", b"{", "intake", "not_json"),
        (b" a", None, "intake", "invalid_field"),
        (b"ann", b'{"type": "order.completed"}', "intake", "invalid_field"),
        (b"bob", view("e", "ann", T0), "intake", "key_mismatch"),
        (b"ann", b" " * 300_000, "intake", "oversize"),
        (b"ann", order("e", "ann", T0, 5.0, currency="USD"), "decide", "unknown_currency"),
        (b"ann", order("e", "ann", T0, 5.0, currency="XXX"), "decide", "unknown_currency"),
        (b"ann", reversal("e", "ann", T0, "o", total=1.0, currency="USD"), "decide", "unknown_currency"),
        (b"ann", view("e", "ann", T0 + 300_001), "decide", "too_early"),
        (b"ann", view("e", "ann", T0 - 3 * 365 * DAY - 1), "decide", "too_late"),
    ],
)
def test_every_dead_letter_has_its_reason_and_leaves_no_trace(
    key: bytes, value: bytes | None, stage: str, reason: str
) -> None:
    log = LogMaker()
    record = log.put(key, value)
    driver = played(log)
    [dead] = driver.dead
    assert (dead.record, dead.stage, dead.reason) == (record, stage, reason)
    assert driver.state.ledger.dead_letters == {reason: 1}
    assert (driver.state.ledger.customers, driver.changes, driver.parts) == (0, [], {})


def test_dead_letters_of_control_records() -> None:
    log = LogMaker()
    log.clock("i", T0 + 1)
    log.control(ControlModel(segmentation="behaviour", version=1, body={"any": "thing"}))
    log.control(ControlModel(segmentation="behaviour", version=2, body=jumpy(1).to_dict()))
    log.control(ControlModel(segmentation="value", version=1, body=jumpy(1).to_dict()))
    damaged = jumpy(1).to_dict() | {"sigma2": 7.0}
    log.control(ControlModel(segmentation="behaviour", version=1, body=damaged))
    log.control(ControlDefinitions(version=2, body={}))
    merge = {"from": "a", "to": "b", "statistics": {}, "event_ids": (), "orders": ()}
    log.control(ControlMerge.model_validate(merge))
    driver = played(log)
    assert [(dead.stage, dead.reason) for dead in driver.dead] == [("control", "bad_control")] * 7
    assert driver.state.ledger.timeline == [] and driver.state.ledger.control == {}


def test_an_event_at_the_edges_of_time_is_applied() -> None:
    log = LogMaker()
    log.event(view("a", "ann", T0 + 300_000))
    log.event(view("b", "ann", T0 - 3 * 365 * DAY))
    log.opened("i")
    log.event(view("c", "ann", T0 - 9 * 365 * DAY), import_id="i")
    assert played(log).state.ledger.applied == 3


def test_odd_lines_of_an_order_stop_nobody() -> None:
    lines = [
        {"product_id": "a", "category": "tea", "price": None, "quantity": None},
        {"product_id": "b", "category": "tea"},
        {"product_id": "c", "category": "cups", "price": 1e12, "quantity": 1_000_000_000},
        {"product_id": "d", "category": "cups", "price": 5.0, "quantity": -2},
        {"product_id": "e", "category": None, "price": 5.0},
    ]
    log = LogMaker()
    log.event(order("e", "ann", T0, 20.0, products=lines))
    driver = played(log)
    ann = driver.customer("ann")
    assert (ann.statistics.orders, ann.statistics.spend, ann.statistics.items) == (
        1,
        2_000,
        1 + 1 + 1_000_000_000 - 2 + 1,
    )
    driver.drop(["ann"])
    assert driver.customer("ann").book.orders == ann.book.orders, "it can be written and read again"


# -- repeats and lateness -------------------------------------------------------------------------------------


def test_repeats_by_event_id_and_by_order_id() -> None:
    log = LogMaker()
    log.event(order("e1", "ann", T0, 20.0, "o1"))
    log.event(order("e1", "ann", T0, 99.0, "o2"))
    log.event(order("e2", "ann", T0 + 5, 99.0, "o1"))
    log.event(view("e3", "ann", T0))
    log.event(view("e3", "ann", T0))
    log.event(view("e3", "bob", T0))
    driver = played(log)
    ledger = driver.state.ledger
    assert (ledger.applied, ledger.duplicates, ledger.consumed) == (3, 3, 6)
    assert (
        driver.customer("ann").statistics.spend,
        driver.customer("ann").statistics.orders,
        ledger.revenue_minor,
    ) == (2_000, 1, 2_000)


def test_a_repeat_is_known_after_512_others_and_a_reload() -> None:
    log = LogMaker()
    for number in range(513):
        log.event(view(f"e{number}", "ann", T0))
    driver = played(log)
    driver.drop(["ann"])
    driver.feed([replace(log.records[1], offset=600)])
    assert driver.state.ledger.duplicates == 1


def test_a_late_event_is_folded_where_it_belongs_and_judged_where_the_customer_stands() -> None:
    log = LogMaker()
    log.event(order("e1", "ann", T0, 30.0))
    log.event(order("e2", "ann", T0 - 5 * DAY, 30.0), now=T0 + HOUR)
    driver = played(log)
    ann = driver.customer("ann")
    assert (ann.statistics.first_order, ann.statistics.last_order, ann.as_of) == (T0 - 5 * DAY, T0, T0)
    late = driver.changes[-1]
    assert (late.after, late.cause, late.changed_at, late.automation_safe) == ("active", "late", T0, False)
    assert driver.state.ledger.late == 1


def test_time_passes_before_what_happens_later_and_keeps_its_instants() -> None:
    log = LogMaker()
    log.event(order("e1", "bob", T0, 30.0))
    log.event(order("e2", "bob", T0 + 300 * DAY, 30.0), now=T0 + 300 * DAY)
    driver = played(log)
    assert driver.story("bob") == [
        ("new", T0),
        ("at_risk", T0 + 90 * DAY),
        ("hibernating", T0 + 180 * DAY),
        ("lost", T0 + 270 * DAY),
        ("active", T0 + 300 * DAY),
    ]


def test_a_due_hidden_behind_an_old_event_is_applied_by_the_next_look() -> None:
    """A customer whose order arrives three months late is already at risk."""
    log = LogMaker(now=T0 + 95 * DAY)
    log.event(order("e1", "bob", T0, 30.0))
    driver = played(log)
    driver.tick()
    assert driver.story("bob") == [("new", T0), ("at_risk", T0 + 90 * DAY)]


def test_orders_and_reversals_are_counted() -> None:
    log = LogMaker()
    log.event(order("e1", "ann", T0, 30.0, "o1"))
    log.event(reversal("e2", "ann", T0, "o1", total=10.0))
    log.event(reversal("e3", "ann", T0, total=4.0))
    driver = played(log)
    ledger = driver.state.ledger
    assert (ledger.orders, ledger.reversals, ledger.revenue_minor) == (1, 2, 1_600)
    assert driver.customer("ann").statistics.orders == 1


def test_other_currencies_by_the_rate_table() -> None:
    log = LogMaker()
    log.event(order("e1", "ann", T0, 10.0, currency="USD"))
    policy = Policy(rates=Rates("EUR", {"USD": 0.9}))
    assert played(log, policy).customer("ann").statistics.spend == 900


# -- what reversals change in the clusters --------------------------------------------------------------------


def bucket(driver: Driver, id: str) -> list[float]:
    """Return orders, money, sum of logs and discounted orders of the open day."""
    memory = driver.state.cache.memory
    return memory.buckets[driver.customer(id).row][:4]


def test_a_partial_refund_takes_money_but_no_order_from_the_behaviour() -> None:
    log = LogMaker()
    log.event(order("e1", "ann", T0, 30.0, "o1"))
    log.event(reversal("e2", "ann", T0, "o1", total=10.0))
    log.event(reversal("e3", "ann", T0, total=5.0))
    assert bucket(played(log), "ann")[:2] == [1, 1_500]


@pytest.mark.parametrize("total", [None, 30.0, 40.0])
@pytest.mark.parametrize("first", ["order", "reversal"])
def test_an_order_taken_back_is_none_whatever_came_first(first: str, total: float | None) -> None:
    log = LogMaker()
    events = [order("e1", "ann", T0, 30.0, "o1", discount=2.0), reversal("e2", "ann", T0, "o1", total=total)]
    for value in events if first == "order" else reversed(events):
        log.event(value)
    driver = played(log)
    assert bucket(driver, "ann") == pytest.approx([0, 0, 0, 0])
    assert driver.customer("ann").statistics.orders == 0


# -- rerouting ------------------------------------------------------------------------------------------------


def test_a_misplaced_record_goes_on_as_it_is() -> None:
    log = LogMaker()
    value = order("e", "gus", T0, 5.0)
    log.put(b"gus", value, [("traceparent", b"t")])
    log.put(None, value)
    log.put(b"gus", value, [(REROUTED_HEADER, b"1")])
    driver = played(log, Policy(lanes=2))
    assert [(one.partition, one.key, one.value) for one in driver.rerouted] == [(1, b"gus", value)] * 2
    assert list(driver.rerouted[0].headers) == [("traceparent", b"t"), (REROUTED_HEADER, b"0")]
    ledger = driver.state.ledger
    assert (ledger.rerouted, ledger.applied, ledger.dead_letters) == (2, 0, {"key_mismatch": 1})


# -- the lane's clock and imports -----------------------------------------------------------------------------


def test_the_clock_stays_five_seconds_behind_and_never_goes_back() -> None:
    log = LogMaker()
    log.event(view("e1", "ann", T0))
    driver = played(log)
    assert driver.state.ledger.clock == T0 - 5 * SECOND
    driver.tick(T0 - HOUR)
    assert driver.state.ledger.clock == T0 - 5 * SECOND
    driver.tick(T0 + HOUR)
    assert driver.state.ledger.clock == T0 + HOUR


def test_an_import_lives_by_its_own_clock_until_it_closes() -> None:
    log = LogMaker()
    log.event(order("live", "ann", T0, 30.0))
    start = T0 - 400 * DAY
    log.opened("i")
    log.clock("i", start)
    log.event(order("old", "bob", start, 30.0), import_id="i")
    driver = played(log)
    driver.tick()
    assert driver.story("bob") == [("new", start)], "the lane's clock is far ahead, but not bob's"
    log.clock("i", start + 100 * DAY)
    driver.feed(log.records[-1:])
    driver.tick()
    assert driver.story("bob") == [("new", start), ("at_risk", start + 90 * DAY)]
    log.closed("i")
    driver.feed(log.records[-1:])
    driver.tick()
    assert [segment for segment, _ in driver.story("bob")] == ["new", "at_risk", "hibernating", "lost"]
    causes = [(c.cause, c.automation_safe) for c in driver.changes if c.customer_id == "bob"]
    assert causes == [("backfill", False)] * 2 + [("time", False)] * 3
    assert driver.state.ledger.clock == T0 - 5 * SECOND


def test_the_last_clock_of_an_import_moves_an_idle_lane() -> None:
    log = LogMaker()
    log.opened("i")
    log.clock("i", T0 - 10 * DAY)
    log.closed("i")
    log.closed("i")
    log.clock("i", T0 - DAY)
    driver = played(log)
    assert (driver.state.ledger.clock, driver.state.ledger.imports) == (T0 - 10 * DAY, {})
    assert driver.state.ledger.control == {"control.import": 3, "control.clock": 2}


def test_a_live_event_brings_a_customer_back_to_the_lanes_clock() -> None:
    log = LogMaker()
    log.opened("i")
    log.clock("i", T0 - 200 * DAY)
    log.event(order("old", "bob", T0 - 200 * DAY, 30.0), import_id="i")
    log.event(view("live", "bob", T0))
    driver = played(log)
    assert driver.customer("bob").clock_id is None
    assert driver.story("bob")[1:] == [("at_risk", T0 - 110 * DAY), ("hibernating", T0 - 20 * DAY)]


def test_history_of_somebody_who_lives_now_is_late() -> None:
    log = LogMaker()
    log.event(order("live", "bob", T0, 30.0))
    log.opened("i")
    log.clock("i", T0 - 200 * DAY)
    log.event(order("old", "bob", T0 - 200 * DAY, 30.0), import_id="i")
    for label, cause in ((True, "backfill"), (False, "late")):
        driver = played(log, Policy(label_backfill=label))
        assert (driver.changes[-1].after, driver.changes[-1].cause) == ("active", cause)
        assert driver.customer("bob").as_of == T0
        assert driver.state.ledger.late == 1


def test_a_record_of_an_import_that_is_not_open_is_no_live_one() -> None:
    log = LogMaker(now=T0 + DAY)
    log.event(order("old", "bob", T0 - 1_000 * DAY, 30.0), import_id="unknown")
    driver = played(log)
    assert driver.state.ledger.clock == 0
    assert driver.customer("bob").clock_id is None
    assert {change.cause for change in driver.changes} == {"backfill"}


# -- automation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "safe"), [(0, True), (HOUR, True), (HOUR + 1, False), (-60 * SECOND, True)])
def test_only_what_is_live_is_safe_for_automation(age: int, safe: bool) -> None:
    log = LogMaker()
    log.event(order("e", "ann", T0 - age, 30.0))
    assert {change.automation_safe for change in played(log).changes} == {safe}


def test_a_change_by_time_is_safe_when_it_comes_in_time() -> None:
    for delay, safe in ((HOUR, True), (HOUR + 60 * SECOND, False)):
        log = LogMaker()
        log.event(order("e", "ann", T0, 30.0))
        driver = played(log)
        driver.tick(T0 + 90 * DAY + delay)
        assert (driver.changes[-1].cause, driver.changes[-1].automation_safe) == ("time", safe)


# -- clusters -------------------------------------------------------------------------------------------------


def test_a_model_is_in_force_from_the_next_grid_point() -> None:
    log = LogMaker()
    log.event(order("e", "ann", T0 + HOUR, 30.0), now=T0 + HOUR)
    log.event(view("u", "bob", T0 + 2 * DAY + HOUR), now=T0 + 2 * DAY + HOUR)
    # The model's own append time advances no clock: old records are judged by their own time.
    log.model(jumpy(1), now=T0 + 9 * DAY)
    log.event(view("v", "bob", log.now), now=log.now + DAY)
    driver = played(log)
    driver.tick()
    [day] = {entry.day for entry in driver.state.ledger.timeline}
    assert day == (T0 + 3 * DAY) // DAY
    first = next(c for c in driver.changes if c.segmentation == "behaviour" and c.customer_id == "ann")
    assert (first.changed_at, first.version, first.before, first.cause) == (T0 + 3 * DAY, 1, None, "refit")
    assert first.trigger is None and not first.automation_safe


def test_older_versions_are_ignored_and_later_ones_take_over() -> None:
    log = LogMaker()
    for version in (3, 2, 3, 5):
        log.model(jumpy(version), now=log.now + DAY)
    ledger = played(log).state.ledger
    assert [entry.version for entry in ledger.timeline] == [3, 5]
    assert ledger.control == {"control.model": 4}


def test_in_an_import_a_model_is_in_force_by_the_imports_clock() -> None:
    log = LogMaker()
    start = T0 - 100 * DAY
    log.opened("i")
    log.clock("i", start)
    log.event(order("e", "ann", start + HOUR, 30.0), import_id="i")
    log.model(jumpy(1))
    log.clock("i", start + 5 * DAY)
    driver = played(log)
    driver.tick()
    first = next(c for c in driver.changes if c.segmentation == "behaviour")
    assert first.changed_at == start + DAY


def test_an_import_opened_after_many_versions_takes_the_latest() -> None:
    log = LogMaker()
    for version in (1, 2, 3):
        log.model(jumpy(version), now=log.now + 10 * DAY)
    log.opened("i")
    log.model(jumpy(4))
    start = T0 - 100 * DAY
    log.clock("i", start)
    log.event(order("e", "ann", start + HOUR, 30.0), import_id="i")
    log.clock("i", start + 20 * DAY)
    driver = played(log)
    driver.tick()
    versions = [c.version for c in driver.changes if c.segmentation == "behaviour"]
    assert versions and set(versions) == {4}


def test_a_repeat_moves_nobody_past_their_own_clock() -> None:
    """A live retry of an imported event is a duplicate; its customer stays on the import's clock."""
    log = LogMaker()
    log.model(jumpy(1))
    start = T0 - 100 * DAY
    log.opened("i")
    log.clock("i", start)
    value = order("e", "ann", start + HOUR, 30.0)
    log.event(value, import_id="i")
    driver = played(log)
    before = state_of(driver.customer("ann")), driver.state.cache.memory.day_of(driver.customer("ann").row)
    log.event(value, now=T0 + DAY)
    driver.feed(log.records[-1:])
    assert driver.state.ledger.duplicates == 1
    ann = driver.customer("ann")
    assert (state_of(ann), driver.state.cache.memory.day_of(ann.row)) == before


# -- accounting -----------------------------------------------------------------------------------------------


def test_sizes_count_every_customer_once_a_segmentation() -> None:
    log = LogMaker()
    for number in range(30):
        log.event(order(f"e{number}", f"c{number % 11}", T0 + number, 40.0 * (1 + number % 3)))
    driver = played(log)
    driver.tick(T0 + 200 * DAY)
    ledger = driver.state.ledger
    assert ledger.customers == 11
    for segmentation in ("lifecycle", "value"):
        assert sum(ledger.sizes[segmentation].values()) == 11
        found: dict[str, int] = {}
        for number in range(11):
            segment = driver.segment(f"c{number}", segmentation)
            found[segment] = found.get(segment, 0) + 1
        assert ledger.sizes[segmentation] == found
    assert sum(sum(causes.values()) for causes in ledger.changes.values()) == len(driver.changes)


def test_a_change_names_its_trigger_its_features_and_its_next_move() -> None:
    log = LogMaker(partition=0)
    log.put(b"ann", b"{")
    log.event(order("e", "ann", T0, 30.0))
    value, life = played(log).changes
    assert life.trigger is not None
    assert (life.trigger.event_id, life.trigger.type, life.trigger.partition, life.trigger.offset) == (
        *("e", "order.completed", 0, 1),
    )
    assert life.born == (0, 1) and value.seq == 1 and life.seq == 2
    assert life.features == {"lateness": 0.0, "orders": 1.0, "recency_days": 0.0, "spend_decayed": pytest.approx(30.0)}
    assert life.next_move == ("at_risk", T0 + 90 * DAY)
    assert set(life.features) <= set(FEATURES)
