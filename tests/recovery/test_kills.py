"""Test ten SIGKILLs at random moments of an import: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_service import LiveService, moves_of_rules

from models.features.time import DAY_MS, DayGrid
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

CUSTOMERS = 400
DAYS = 130


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CLOCK="event")
    yield service
    service.close()


def history(seed: int) -> Iterator[Outgoing]:
    """Start an import with late, duplicate and broken events, ending a day ago."""
    now = time.time_ns() // 1_000_000
    shop = Shop(
        ShopConfig(
            customers=CUSTOMERS,
            days=DAYS,
            seed=seed,
            start=now - (DAYS + 1) * DAY_MS,
            late=0.02,
            duplicates=0.02,
            broken=0.01,
        )
    )
    return import_records(shop, f"seed{seed}", DayGrid(), latest=now)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(1, 1 + int(os.environ.get("SOAK_SEEDS", "1"))))
def test_ten_kills_lose_and_double_nothing(
    service: LiveService, addresses: Addresses, tmp_path: Path, seed: int
) -> None:
    records = list(history(seed))
    service.start("owner")
    service.start()
    dice = random.Random(seed)
    writer = threading.Thread(target=service.publish, args=(records,), kwargs={"pause_every": 60})
    writer.start()
    for _ in range(10):
        time.sleep(dice.uniform(0.2, 4.0))
        worker = service.workers[-1]
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        service.start()
    writer.join()
    service.wait_until_applied()
    parity = service.parity()
    assert parity.differences == []
    assert parity.changes > 1_000
    assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0

    with LiveService.beside(service, addresses, tmp_path, "calm") as undisturbed:
        undisturbed.start()
        undisturbed.publish(records)
        undisturbed.wait_until_applied()
        assert moves_of_rules(service) == moves_of_rules(undisturbed)
