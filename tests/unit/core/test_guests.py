"""Test live guest orders: dead letters with a reason, their money counted separately, and nobody moved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from heart_logs import T0, Driver, LogMaker, order
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import Rates
from streamer.core import ledger as ledgers
from streamer.core.ledger import Guests
from streamer.core.policy import Policy
from streamer.queries.findings import guest_figures

POLICY = Policy(rates=Rates("EUR", {"USD": 0.9}))


def of_guest(number: int, total: float = 10.0, **fields: Any) -> bytes:
    body = json.loads(order(f"e{number}", "ann", T0, total, f"o{number}"))
    return json.dumps({**body, "customer_id": None, **fields}).encode()


def fed(*values: bytes, key: bytes | None = None, policy: Policy = POLICY) -> Driver:
    log, driver = LogMaker(), Driver(policy)
    for value in values:
        log.put(key, value)
    driver.feed(log.records)
    return driver


def guests(driver: Driver) -> tuple[int, int, dict[str, int]]:
    found = driver.state.ledger.guests or Guests()
    return found.orders, found.refunds, found.money


@pytest.mark.parametrize("who", [None, "", "guest", "NULL", "0"])
def test_an_order_that_names_nobody_is_counted_by_currency(who: str | None) -> None:
    given_back = of_guest(
        3,
        2.5,
        type="order.refunded",
        refund_id="r1",
        order_id="o1",
        currency="USD",
        customer_id=who,
        email="a@x.example",
    )
    driver = fed(
        of_guest(1, customer_id=who), of_guest(2, 7.25, currency="USD", customer_id=who), given_back,
        key=who.encode() if who else None,
    )  # fmt: skip
    assert guests(driver) == (2, 1, {"EUR": 1000, "USD": 475})
    book = driver.state.ledger
    assert book.dead_letters == {"nobody": 3} and book.unaccounted == 0
    assert (book.customers, book.orders, book.revenue_minor, driver.changes) == (0, 0, 0, [])


def test_the_dead_letter_says_what_is_missing() -> None:
    missing, placeholder = fed(of_guest(1), of_guest(2, customer_id="guest")).dead
    assert missing.message == "no customer_id: the order is a guest's; an e-mail address may be an id"
    assert placeholder.message == "customer_id is a placeholder that stands for no customer"


def test_a_repeat_is_counted_once() -> None:
    driver = fed(*(of_guest(number % 3) for number in range(9)))
    assert guests(driver) == (3, 0, {"EUR": 3000})
    assert driver.state.ledger.dead_letters == {"nobody": 9}


def test_a_lane_remembers_the_latest_orders_and_no_more() -> None:
    driver = fed(*(of_guest(number) for number in range(200)))
    found = driver.state.ledger.guests
    assert found is not None and found.orders == 200 and len(found.latest) == 64
    assert ledgers.load(ledgers.dump(driver.state.ledger)).guests == found


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"currency": "GBP"}, "unknown_currency"),
        ({"total": "a lot"}, "invalid_field"),
        ({"occurred_at": "1999-01-01T00:00:00Z"}, "too_late"),
        ({"type": "product.viewed"}, "invalid_field"),
        # It is unknown whether part or all of a forgotten order is given back.
        ({"type": "order.cancelled", "refund_id": "r", "total": None}, "nobody"),
        ({"type": "order.updated"}, "nobody"),
        ({"customer_id": {"id": 7}}, "invalid_field"),
    ],
)
def test_what_is_wrong_otherwise_is_in_no_sum(fields: dict[str, Any], reason: str) -> None:
    driver = fed(of_guest(1, **fields))
    assert driver.state.ledger.dead_letters == {reason: 1}
    assert driver.state.ledger.guests is None


def test_a_key_that_names_somebody_is_no_guests() -> None:
    driver = fed(of_guest(1), key=b"ann")
    assert driver.state.ledger.dead_letters == {"invalid_field": 1} and driver.state.ledger.guests is None


def test_where_the_contract_is_strict_an_order_without_a_customer_breaks_it() -> None:
    driver = fed(of_guest(1), of_guest(2, customer_id="guest"), policy=replace(POLICY, strict=True))
    assert driver.state.ledger.dead_letters == {"invalid_field": 1, "nobody": 1}
    assert guests(driver) == (1, 0, {"EUR": 1000})


def test_the_shop_says_who_is_nobody() -> None:
    driver = fed(of_guest(1, customer_id="guest"), of_guest(2), policy=replace(POLICY, nobody=frozenset({"till"})))
    assert driver.state.ledger.applied == 1 and guests(driver) == (1, 0, {"EUR": 1000})


def test_sums_that_would_leave_64_bits_are_refused() -> None:
    policy = Policy(rates=Rates("KWD"))
    driver = fed(*(of_guest(number, 1e12, currency="KWD") for number in range(4700)), policy=policy)
    assert set(driver.state.ledger.dead_letters) == {"nobody", "invalid_field"}
    ledgers.dump(driver.state.ledger)


def test_a_ledger_of_an_older_release_has_no_guests() -> None:
    old = json.loads(ledgers.dump(ledgers.Ledger.fresh(0)))
    del old["guests"]
    assert ledgers.load(json.dumps(old).encode()).guests is None


LANES = 4


def lanes_of(values: Sequence[bytes], arrivals: Sequence[int]) -> list[Driver]:
    """Return all lanes after records without a key that arrived in these lanes; forwarded ones continue."""
    policy = replace(POLICY, lanes=LANES)
    drivers = [Driver(policy, partition=number) for number in range(LANES)]
    logs = [LogMaker(partition=number) for number in range(LANES)]
    for value, lane in zip(values, arrivals, strict=True):
        logs[lane].put(None, value)
        for one in drivers[lane].feed(logs[lane].records[-1:]).rerouted:
            logs[one.partition].put(one.key, one.value, one.headers)
            assert not drivers[one.partition].feed(logs[one.partition].records[-1:]).rerouted
    return drivers


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, LANES - 1)), max_size=40))
def test_repeats_that_arrive_in_several_lanes_count_once(arrivals: list[tuple[int, int]]) -> None:
    given_back = [of_guest(9, 4.0, type="order.refunded", refund_id="r", order_id="o1")]
    numbers = [number for number, _ in arrivals]
    lanes = lanes_of([*map(of_guest, numbers), *given_back * 2], [*(lane for _, lane in arrivals), 0, 3])
    books = [driver.state.ledger for driver in lanes]
    found = [book.guests or Guests() for book in books]
    assert sum(one.orders for one in found) == len(set(numbers))
    assert sum(one.money.get("EUR", 0) for one in found) == 1_000 * len(set(numbers)) - 400
    assert all(book.unaccounted == 0 for book in books)
    assert sum(book.dead_letters.get("nobody", 0) for book in books) == len(arrivals) + 2


@pytest.mark.parametrize(("currency", "total", "words"), [("JPY", 1_234, "1,234 JPY"), ("KWD", 1.234, "1.234 KWD")])
def test_money_is_said_in_the_coins_of_its_currency(currency: str, total: float, words: str) -> None:
    policy = replace(POLICY, rates=Rates(currency))
    driver = fed(of_guest(1, total, currency=currency), policy=policy)
    money = guests(driver)[2]
    figures = {"guest_orders": 1, "guest_refunds": 0, "guest_money": money}
    assert guest_figures(figures)["money"] == words
