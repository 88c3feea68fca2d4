"""Test the record of a customer's orders: what it counts, and that growing it order by order equals building it at once."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from models.customer.customer import Customer
from models.customer.orders import Order, Reversal
from models.features.time import DAY_MS, DayGrid
from models.prediction.order_record import OrderRecord, record_of
from schemas.errors import InvariantViolation
from streamer.core.forecasts import known, packed_orders

HALF_LIFE = 25.0 * DAY_MS
START = 19_000


def ordered(customer: Customer, at: int, money: int = 1_000) -> bytes:
    name = f"{at}-{money}".encode()
    customer.post(customer.book.add(Order(at, name, money, 1, 0, ())), HALF_LIFE)
    return name


def test_it_counts_days_and_forgets_what_was_taken_back() -> None:
    customer, grid = Customer("ann", (0, 0), START * DAY_MS), DayGrid()
    assert record_of(customer, grid) is None
    for day in (0, 25, 25, 50):
        name = ordered(customer, (START + day) * DAY_MS + day, 1_000 + day)
    assert (record := record_of(customer, grid)) is not None
    assert (record.first, record.last, record.days, record.orders) == (START, START + 50, 3, 4)
    assert record.fading[0] == 1.75 and record.recent == 1 | 1 << 25 | 1 << 50 and record.spend == 4_100
    assert (earlier := record_of(customer, grid, before=START + 50)) is not None
    assert (earlier.last, earlier.days, earlier.spend) == (START + 25, 2, 3_050)
    assert record_of(customer, grid, before=START) is None
    customer.post(customer.book.reverse(Reversal(START * DAY_MS, name, None, 0)), HALF_LIFE)
    assert record_of(customer, grid) == earlier
    assert OrderRecord.read(record.packed) == record
    for wrong in (b"", b"\x90", b"\x93\x01\x02\x03"):
        with pytest.raises(InvariantViolation):
            OrderRecord.read(wrong)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_grown_by_orders_it_is_what_the_whole_book_gives(zone: str) -> None:
    """Also with late orders, refunds before and after theirs, and more orders than are remembered."""
    chance, grid, grew = random.Random(zone), DayGrid(zone), 0
    for _ in range(40):
        customer = Customer("ann", (0, 0), START * DAY_MS)
        at, names = START * DAY_MS, [b"never"]
        for _ in range(chance.choice((10, 90))):
            at += chance.randrange(chance.choice((1, 3, 40, 120)) * DAY_MS)
            what = chance.random()
            if what < 0.8:
                names.append(ordered(customer, at, chance.choice((0, 500, 900))))
            elif what < 0.9:
                names.append(ordered(customer, at - chance.randrange(50 * DAY_MS)))
            else:
                money = chance.choice((None, 100, 900))
                customer.post(customer.book.reverse(Reversal(at, chance.choice(names), money, 0)), HALF_LIFE)
            if chance.random() < 0.7:
                grew += bool(customer.new_orders)
                record = record_of(customer, grid)
                assert known(customer, grid).record == record
                assert bytes(packed_orders(customer, grid)) == (b"\x90" if record is None else record.packed)
    assert grew > 500


def test_days_that_come_twice_are_days_once() -> None:
    """Where clocks were set back at midnight, the previous day returned for an hour."""
    customer, grid = Customer("ann", (0, 0), START * DAY_MS), DayGrid("America/Sao_Paulo")
    midnight = int(datetime(2018, 2, 18, 2, tzinfo=UTC).timestamp() * 1000)
    for at in (midnight - 60_000, midnight + 60_000, midnight + 7_200_000):
        ordered(customer, at)
        assert known(customer, grid).record == record_of(customer, grid)
    assert (record := record_of(customer, grid)) is not None and (record.days, record.orders) == (2, 3)
