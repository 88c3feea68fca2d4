from __future__ import annotations

import pytest
from rich.console import Console

from streamer.demo.demo import Latency, Show
from streamer.demo.demo_screen import Screen, because, headline
from streamer.demo.reset import CUSTOMERS
from streamer.imports.import_writer import lane_of
from streamer.imports.result import Result, segments_table
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop


def test_latency_is_the_same_whichever_arrives_first_the_append_or_the_change() -> None:
    latency = Latency()
    latency.appended(0, 7, 100.0)
    latency.in_hand(0, 7, 100.25)
    latency.in_hand(1, 7, 200.5)
    latency.appended(1, 7, 200.0)
    assert latency.seconds == [0.25, 0.5]
    assert latency.quantiles(last=1) == {"p50": 0.5, "p95": 0.5, "p99": 0.5}


def test_one_record_may_cause_two_changes() -> None:
    latency = Latency()
    latency.in_hand(0, 1, 10.5)
    latency.in_hand(0, 1, 10.5)
    latency.appended(0, 1, 10.0)
    assert latency.seconds == [0.5, 0.5]


def test_clocks_that_differ_a_little_give_no_negative_latency() -> None:
    latency = Latency()
    latency.appended(0, 1, 10.001)
    latency.in_hand(0, 1, 10.0)
    assert latency.seconds == [0.0]


def test_without_changes_there_is_no_latency() -> None:
    assert Latency().quantiles() == {"p50": None, "p95": None, "p99": None}


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ({"feature": "orders", "before": None, "after": 1.0, "border": 1.0}, "orders 1 (border 1)"),
        ({"feature": "value", "before": "low", "after": "high", "border": None}, "value Low -> High"),
        ({"feature": "looks", "before": 2.0, "after": 2.0, "border": None}, "looks 2"),
    ],
)
def test_reasons_in_a_few_words(reason: dict[str, object], text: str) -> None:
    assert because([reason]) == text


def test_the_screen_can_be_drawn_before_anything_happened() -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as seen:
        console.print(Screen(Show()))
    assert "starting" in seen.get()
    assert "0 changes" in headline(Show()).plain


def test_a_record_without_a_key_always_goes_to_the_same_lane() -> None:
    assert len({lane_of(None, b"{not json", 8) for _ in range(3)}) == 1
    assert lane_of(b"17850", b"x", 8) == lane_of(b"17850", b"y", 8)


def test_what_is_unaccounted_for_is_reported() -> None:
    result = Result(
        rows=None,
        records=10,
        applied=5,
        duplicates=1,
        late=2,
        dead_letters={"not_json": 1},
        rerouted=1,
        control=1,
        skipped={},
        customers=1,
        orders=1,
        reversals=0,
        revenue_minor=0,
        changes={},
        segments={},
        seconds=1.0,
        records_per_second=10.0,
    )
    assert result.unaccounted == 1


def test_segments_are_listed_largest_first() -> None:
    console = Console(width=100)
    with console.capture() as seen:
        console.print(segments_table({"value": {"low": 3, "top": 12}}, {"value": 20}))
    assert "Top 12, Low 3" in seen.get()


def test_the_demo_knows_its_own_customers_from_yours() -> None:
    shop = Shop(ShopConfig(customers=30, days=20, seed=3, start=1_700_000_000_000, ids="c12-"))
    assert len(shop.ids) >= 30 and all(CUSTOMERS.fullmatch(id) for id in (*shop.ids, "me"))
    assert not any(CUSTOMERS.fullmatch(id) for id in ("c1-anna", "c1-17", "c-000001", "17", "me2", "c1-000001@x.org"))
