"""Test that lateness, repeats and broken records have the configured shares and leave the events unchanged."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.events import OrderCompleted, OrderReversed
from schemas.money import Rates
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.source import SourceEvent

CLEAN = ShopConfig(customers=300, days=200)
NOISY = ShopConfig(customers=300, days=200, late=0.05, duplicates=0.03, broken=0.03)


def judged(events: list[SourceEvent]) -> tuple[list[SourceEvent], Counter[str]]:
    """Return the good records in order, and the count of the others by reason."""
    rates = Rates("EUR")
    good: list[SourceEvent] = []
    bad: Counter[str] = Counter()
    for record in events:
        try:
            event = decode(record.key, record.value)
            if isinstance(event, OrderCompleted | OrderReversed):
                rates.minor(event.total or 0.0, event.currency)
            good.append(record)
        except InvalidEvent as error:
            bad[f"broken:{error.reason}"] += 1
    return good, bad


@pytest.fixture(scope="module")
def noisy() -> tuple[Shop, list[SourceEvent]]:
    shop = Shop(NOISY)
    return shop, list(shop.history())


def test_every_broken_record_is_refused_for_the_reason_that_was_counted(
    noisy: tuple[Shop, list[SourceEvent]],
) -> None:
    shop, events = noisy
    good, bad = judged(events)
    assert bad == Counter({k: n for k, n in shop.sent.items() if k.startswith("broken:")})
    reasons = {"not_json", "unknown_type", "invalid_field", "key_mismatch", "unknown_currency"}
    assert set(bad) == {f"broken:{reason}" for reason in reasons}
    assert len(good) == shop.sent["events"] + shop.sent["duplicates"]
    assert shop.rows == len(events)


def test_the_shares_are_about_those_configured(noisy: tuple[Shop, list[SourceEvent]]) -> None:
    sent = noisy[0].sent
    broken = sum(count for name, count in sent.items() if name.startswith("broken:"))
    assert sent["late"] / sent["events"] == pytest.approx(NOISY.late, rel=0.15)
    assert sent["duplicates"] / sent["events"] == pytest.approx(NOISY.duplicates, rel=0.15)
    assert broken / sent["events"] == pytest.approx(NOISY.broken, rel=0.15)


def test_without_repeats_and_broken_records_it_is_the_clean_shop(
    noisy: tuple[Shop, list[SourceEvent]],
) -> None:
    good, _ = judged(noisy[1])
    clean = list(Shop(CLEAN).history())
    assert set(good) == set(clean)
    repeats = Counter(good) - Counter(clean)
    assert repeats.total() == noisy[0].sent["duplicates"]


def test_late_events_arrive_behind_others_by_days_at_the_most(noisy: tuple[Shop, list[SourceEvent]]) -> None:
    newest, behind = 0, []
    for event in noisy[1]:
        newest = max(newest, event.occurred_at)
        behind.append((newest - event.occurred_at) / 3_600_000)
    share = sum(hours > 1 for hours in behind) / len(behind)
    assert 0.03 < share < 0.12
    # Three days of lateness, and a day until the repeat.
    assert 48 < max(behind) <= 96
