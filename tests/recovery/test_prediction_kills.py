"""Test rules over predictions on real servers, with workers and owner killed: a replay of the lanes agrees."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from heart_logs import order
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from models.rules.defaults import DEFAULT_TEXT
from schemas.control import ControlDefinitions, control_headers, encode_control
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

DAYS = 150
REACH = (
    DEFAULT_TEXT
    + """
[reach]
kind = "rules"
rules = [
    { segment = "worth_a_call", when = "p_buy_30d < 0.2 exit 0.25 and expected_spend_90d >= 5" },
    { segment = "leave_alone", when = "p_buy_30d >= 0.6 exit 0.55" },
    { segment = "other" },
]
[reach.segments]
worth_a_call = {}
leave_alone = {}
other = {}
"""
)


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_CLOCK="event")
    yield service
    service.close()


def history(now: int) -> Iterator[Outgoing]:
    """Start a service with the rules, and an import that ends a day ago."""
    rules = encode_control(ControlDefinitions(version=2, body={"toml": REACH}))
    yield Outgoing(None, rules, control_headers(rules), every_lane=True)
    shop = Shop(
        ShopConfig(customers=160, days=DAYS, seed=5, start=now - (DAYS + 1) * DAY_MS, late=0.02, duplicates=0.02)
    )
    yield from import_records(shop, "seed5", DayGrid(), latest=now)


@pytest.mark.timeout(300)
def test_predictions_in_rules_survive_kills(service: LiveService) -> None:
    now = time.time_ns() // 1_000_000
    owner = service.start("owner")
    service.start()
    dice = random.Random(5)
    writer = threading.Thread(target=service.publish, args=(list(history(now)),), kwargs={"pause_every": 60})
    writer.start()
    for _ in range(3):
        time.sleep(dice.uniform(0.5, 3.0))
        _kill(service)
        service.start()
    writer.join()
    service.wait_until_applied()
    # What an import added is learned once it has ended in every lane.
    service.wait(lambda: all(ledger.predictions for ledger in service.ledgers()))
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    _kill(service)
    service.start()
    service.start("owner")
    # Live orders of today advance every clock past a grid point, from which on the version is in force.
    service.publish(
        Outgoing(f"live{at}".encode(), order(f"live{at}", f"live{at}", now - 1_000, 20.0), ()) for at in range(40)
    )
    service.wait_until_applied()
    service.wait(lambda: _causes(service)["refit"] > 0, 60)
    parity = service.parity()
    assert parity.differences == []
    causes = _causes(service)
    assert causes["time"] > 50 and causes["refit"] > 0
    assert sum(ledger.unaccounted for ledger in service.ledgers()) == 0
    assert [[entry.version for entry in ledger.predictions] for ledger in service.ledgers()] == [[1], [1]]


def _kill(service: LiveService) -> None:
    worker = service.workers[-1]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()


def _causes(service: LiveService) -> dict[str, int]:
    found = {"time": 0, "refit": 0}
    for ledger in service.ledgers():
        for cause in found:
            found[cause] += ledger.changes.get("reach", {}).get(cause, 0)
    return found
