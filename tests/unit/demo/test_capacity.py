"""Test the report of a measurement of this machine."""

from __future__ import annotations

from streamer.commands.bench import _rounded
from streamer.demo.capacity import Capacity


def test_half_of_the_free_memory_is_divided_by_what_a_customer_takes() -> None:
    found = Capacity(events=30_000, seconds=2.0, customers=1_000, view_bytes=2_000_000, free_bytes=8_000_000, load=0.5)
    assert found.events_a_second == 15_000
    assert found.bytes_a_customer == 2_000
    assert found.customers_that_fit == 2_000
    assert found.to_dict()["customers_that_fit"] == 2_000


def test_two_digits_of_a_figure_count() -> None:
    assert [_rounded(value) for value in (7.9, 99, 1_449, 15_870.2, 5_466_666)] == [
        "7",
        "99",
        "1,400",
        "15,000",
        "5,400,000",
    ]
