"""A worker of the last release and one of this share the lanes: a rolling update, forward and back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from live_service import LiveService
from releases import last_release

from models.features.time import DAY_MS, DayGrid
from streamer.adapters.redis_keys import LAYOUT
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import feed

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

EVENTS = int(os.environ.get("RELEASE_EVENTS", "4000"))
RATE = 400


@pytest.mark.timeout(240 + EVENTS // 50)
def test_both_take_lanes_from_each_other_and_nothing_is_lost(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """Both run under a supervisor. A release refuses state of a later one; it then ends, and writes nothing."""
    now = time.time_ns() // 1_000_000
    # None broken: this release reads some of what the last one rejects, so a replay could not agree with both.
    shop = Shop(ShopConfig(customers=400, days=700, start=now - 701 * DAY_MS, late=0.02, duplicates=0.02))
    records = list(feed(shop, "both", DayGrid(), latest=now))[:EVENTS]
    assert len(records) == EVENTS
    ours = f"v{LAYOUT}"
    with (
        last_release(tmp_path) as release,
        LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CLOCK="event") as service,
    ):
        lanes = range(service.lanes)
        workers = [service.start(release=release)]

        def wait_for(done: Callable[[], bool]) -> None:
            def looked() -> bool:
                service.revive(workers)
                return done()

            service.wait(looked)

        def consumed(records: int) -> bool:
            return sum(ledger.consumed for ledger in service.ledgers()) > records

        wait_for(lambda: service.shared_out(workers))
        writer = threading.Thread(target=service.publish, args=(records,), kwargs={"rate": RATE})
        writer.start()
        wait_for(lambda: consumed(EVENTS // 8))
        assert all(service.view(lane).keys() == {"", "release 0.1"} for lane in lanes)
        workers.append(service.start())
        wait_for(lambda: any(ours in service.view(lane) for lane in lanes) and consumed(EVENTS // 4))
        for which, records_then in ((0, EVENTS // 2), (1, EVENTS * 3 // 4)):
            workers[which].kill()
            workers[which].wait(20)
            workers[which] = service.start(release=None if which else release)
            wait_for(lambda so_far=records_then: consumed(so_far))  # type: ignore[misc]
        writer.join()

        # The update is over: the worker of this release has all lanes, and nothing of the other layout stays.
        workers.pop(0).send_signal(signal.SIGTERM)
        wait_for(lambda: service.shared_out(workers))
        service.wait_until_applied()
        parity = service.parity()
        assert parity.differences[:10] == []
        assert parity.changes > EVENTS / 40
        assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0
        assert all(service.view(lane).keys() == {"", ours} for lane in lanes)
        customers = sum(ledger.customers for ledger in service.ledgers())
        documents = sum(len(service.view(lane)[""]) - 1 for lane in lanes)
        assert customers == documents > 100
