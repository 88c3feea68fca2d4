"""Several workers share the lanes: joining, leaving and dying loses and doubles nothing."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_service import LiveService

from models.time import DAY_MS, Grid
from streamer.feed import feed
from streamer.local import Addresses
from streamer.shop.config import ShopConfig
from streamer.shop.simulate import Shop

pytestmark = [pytest.mark.integration, pytest.mark.recovery]


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CLOCK="event")
    yield service
    service.close()


@pytest.mark.timeout(240)
def test_workers_come_and_go(service: LiveService) -> None:
    now = time.time_ns() // 1_000_000
    shop = Shop(ShopConfig(customers=400, days=100, start=now - 101 * DAY_MS, late=0.02, duplicates=0.02, broken=0.01))
    records = list(feed(shop, "handover", Grid(), latest=now))
    running = [service.start(), service.start()]
    writer = threading.Thread(target=service.publish, args=(records,), kwargs={"pause_every": 40})
    writer.start()
    dice = random.Random(3)
    for _ in range(8):
        time.sleep(dice.uniform(0.5, 2.5))
        gone = running.pop(dice.randrange(len(running)))
        if dice.random() < 0.5:
            gone.send_signal(signal.SIGTERM)
            # One that has hardly started does not know the signal yet, and dies of it.
            assert gone.wait(20) in (0, -signal.SIGTERM)
        else:
            gone.kill()
            gone.wait()
        running.append(service.start())
    writer.join()
    service.wait_until_applied(90)
    parity = service.parity()
    assert parity.differences[:10] == []
    assert parity.changes > 500


@pytest.mark.timeout(120)
def test_a_paused_worker_does_no_harm_when_it_wakes(service: LiveService) -> None:
    now = time.time_ns() // 1_000_000
    shop = Shop(ShopConfig(customers=200, days=60, start=now - 61 * DAY_MS))
    records = list(feed(shop, "zombie", Grid(), latest=now))
    sleeper = service.start()
    writer = threading.Thread(target=service.publish, args=(records,), kwargs={"pause_every": 50})
    writer.start()
    time.sleep(4)
    sleeper.send_signal(signal.SIGSTOP)
    service.start()
    time.sleep(5)
    sleeper.send_signal(signal.SIGCONT)
    writer.join()
    service.wait_until_applied(60)
    assert service.parity().differences[:10] == []
