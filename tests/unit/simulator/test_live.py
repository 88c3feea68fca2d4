"""Test that the live shop follows the clock it is given and no other."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.codec import decode
from schemas.errors import InvalidEvent, UserError
from streamer.simulator.config import ShopConfig
from streamer.simulator.live import LiveShop
from streamer.simulator.simulate import Shop
from streamer.sources.source import SourceEvent

NOW = 1_750_000_000_000


def run(live: LiveShop, seconds: int, step: int = 100) -> list[SourceEvent]:
    return [event for now in range(0, seconds * 1_000, step) for event in live.due(NOW + now + step)]


def test_the_rate_is_kept_and_times_lie_between_the_calls() -> None:
    live = Shop(ShopConfig(customers=500, refunds=0.0)).live(NOW, 333.0)
    assert live.due(NOW) == []
    assert len(run(live, 10)) == pytest.approx(3_330, abs=1)
    events = live.due(NOW + 10_500)
    assert all(NOW + 10_000 <= event.occurred_at <= NOW + 10_500 for event in events)
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)


def test_a_slow_rate_still_adds_up() -> None:
    live = Shop(ShopConfig(customers=10, refunds=0.0)).live(NOW, 0.5)
    assert len(run(live, 60, step=70)) == pytest.approx(30, abs=1)


def test_equal_calls_give_equal_bytes_and_another_start_other_ids() -> None:
    shop = Shop(ShopConfig(customers=100, late=0.1, duplicates=0.1, broken=0.1))
    assert run(shop.live(NOW, 200.0), 5) == run(shop.live(NOW, 200.0), 5)
    first = {decode(None, event.value).event_id for event in run(Shop(ShopConfig()).live(NOW, 200.0), 5)}
    other = Shop(ShopConfig()).live(NOW + 1, 200.0).due(NOW + 5_000)
    assert not first & {decode(None, event.value).event_id for event in other}


def test_live_events_are_valid_of_known_customers_and_never_repeat_ids_of_the_history() -> None:
    shop = Shop(ShopConfig(customers=200, days=60))
    history = {decode(event.key, event.value).event_id for event in shop.history()}
    live = [decode(event.key, event.value) for event in run(shop.live(shop.config.end, 500.0), 5)]
    ids = {event.event_id for event in live}
    assert len(ids) == len(live)
    assert not ids & history
    assert {event.customer_id for event in live} <= set(shop.ids)
    kinds = Counter(event.type for event in live)
    assert kinds["order.completed"] > 100 and kinds["order.refunded"] > 0


def test_the_rarer_types_come_beside_the_others_and_change_none_of_them() -> None:
    shop = Shop(ShopConfig(customers=200, days=60))
    plain = [event.value for event in run(shop.live(NOW, 500.0), 20)]
    more = run(shop.live(NOW, 500.0, all_types=True), 20)
    assert [event.value for event in more if event.value in set(plain)] == plain
    events = [decode(event.key, event.value) for event in more if event.value not in set(plain)]
    kinds = Counter(event.type for event in events)
    assert set(kinds) >= {
        "profile.updated",
        "identity.linked",
        "consent.updated",
        "message.outcome",
        "feedback.submitted",
    }
    assert sum(kinds.values()) < len(plain) / 8
    assert len({event.event_id for event in events}) == len(events)


def test_after_a_pause_it_does_not_make_up_for_it_and_a_clock_set_back_is_waited_for() -> None:
    live = Shop(ShopConfig(customers=100, refunds=0.0)).live(NOW, 100.0)
    events = live.due(NOW + 3_600_000)
    assert len(events) == 500
    assert min(event.occurred_at for event in events) >= NOW + 3_595_000
    assert live.due(NOW) == []
    assert len(live.due(NOW + 3_601_000)) == 100


def test_noise_is_live_too() -> None:
    live = Shop(ShopConfig(customers=100, late=0.05, duplicates=0.05, broken=0.05)).live(NOW, 500.0)
    events = run(live, 20)
    bad, old = 0, 0
    for event in events:
        old += event.occurred_at < NOW - 3_500_000
        try:
            decode(event.key, event.value)
        except InvalidEvent:
            bad += 1
    broken = {name: count for name, count in live.sent.items() if name.startswith("broken:")}
    # No rate for the currency is needed here.
    assert bad == sum(broken.values()) - broken.get("broken:unknown_currency", 0)
    assert old / len(events) == pytest.approx(0.05, rel=0.3)
    assert len(events) == live.sent["events"] + live.sent["duplicates"] + sum(broken.values())


def test_a_rate_must_be_above_zero() -> None:
    with pytest.raises(UserError, match="rate"):
        Shop(ShopConfig(customers=5)).live(NOW, 0.0)
