"""Test that each fault of a real service raises the right alert, and no other, in a real Prometheus.

The rules are the project's, with all durations divided by 75; the metrics are the service's own. `make alerts` runs all
four tests; `make test` runs one, because each waits for the windows of its rules.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from own_valkey import own_valkey
from prometheus_tools import ROOT, load_yaml, tool
from quick_rules import quick

from grafana.live import RULES, Stack
from schemas import topics
from schemas.wire_time import iso
from streamer.adapters.client import sender
from streamer.adapters.kafka import KafkaConnection
from streamer.embedded import Services
from streamer.embedded.valkey import Valkey

pytestmark = pytest.mark.integration

TIMES = 75
LANES = 2
ALL = os.environ.get("ALERT_SCENARIOS") == "all"
CUSTOMERS = 150
SHOP = ("--customers", str(CUSTOMERS), "--days", "20", "--rate", "4", "--broken", "0", "--late", "0")


only_with_all = pytest.mark.skipif(not ALL, reason="`make alerts` runs it")


@dataclass
class Shop:
    """A worker, a slow shop, and a Prometheus."""

    stack: Stack
    redis: Valkey
    connection: KafkaConnection

    def alerts(self, state: str = "firing") -> set[str]:
        """Return the names of the alerts in a state."""
        found = self.stack.query("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == state}

    def fired(self, expected: str, seconds: float = 40) -> set[str]:
        """Return what fired until the expected alert did, and for two more seconds."""
        found: set[str] = set()
        deadline = time.monotonic() + seconds
        while expected not in found:
            assert time.monotonic() < deadline, f"{expected} is silent; fired: {found}\n{self.stack.logs()}"
            found |= self.alerts()
            time.sleep(0.1)
        enough = time.monotonic() + 2
        while time.monotonic() < enough:
            found |= self.alerts()
            time.sleep(0.1)
        return found

    def calm(self, seconds: float = 60) -> None:
        """Wait until nothing has fired or been pending for two seconds."""
        deadline, since = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < since + 2:
            if loud := self.alerts() | self.alerts("pending"):
                since = time.monotonic()
            assert time.monotonic() < deadline, f"not calm: {loud}\n{self.stack.logs()}"
            time.sleep(0.1)

    def publish(self, bodies: list[tuple[str, bytes]]) -> None:
        """Send bodies, each under a customer's key."""
        with sender(self.connection, topics.EVENTS, LANES) as send:
            for customer, body in bodies:
                send.send(customer.encode(), body)


@pytest.fixture(scope="module")
def shop(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("alerts")
    prefix = f"t{uuid.uuid4().hex[:10]}"
    with own_valkey(folder / "valkey", persistent=True) as valkey:
        environment = {
            "STREAMER_KAFKA": services.addresses.kafka,
            "STREAMER_REDIS": valkey.address,
            "STREAMER_TOPIC_PREFIX": prefix,
            "STREAMER_LANES": str(LANES),
            "STREAMER_SESSION_SECONDS": "2",
            "STREAMER_HOME": str(folder / "home"),
        }
        stack = Stack(load_yaml(ROOT / "docker-compose.yml"), environment, folder, tool("prometheus"))
        try:
            for service in ("keys", "topics"):
                assert stack.run(service).wait(60) == 0, stack.logs()
            stack.run("worker")
            stack.wait(stack.ready, 90, "the worker has its lanes")
            stack.run("shop", *SHOP)
            log = next(stack.folder.glob("shop-*.log"))
            stack.wait(lambda: "live at" in log.read_text(), 60, "customers act live")
            stack.scrape(quick(RULES, folder / "rules", TIMES), "250ms")
            made = Shop(stack, valkey, KafkaConnection(services.addresses.kafka, prefix=prefix))
            # What happened before the first scrape is in no window of a rule.
            time.sleep(600 / TIMES)
            made.calm()
            yield made
        finally:
            stack.close()


@only_with_all
def test_a_worker_is_stopped(shop: Shop) -> None:
    (worker,) = [process for name, process in shop.stack.processes if name == "worker"]
    worker.kill()
    try:
        assert shop.fired("WorkerDown") == {"WorkerDown"}
    finally:
        shop.stack.run("worker", port=int(shop.stack.targets[0].rpartition(":")[2]))
    shop.calm()


def test_the_input_is_poisoned(shop: Shop) -> None:
    shop.publish([(f"c{number}", b"no event at all") for number in range(60)])
    assert shop.fired("DeadLettersGrowing") == {"DeadLettersGrowing"}
    if ALL:
        shop.calm()


def order(customer: str, number: int) -> bytes:
    at = iso(time.time_ns() // 1_000_000)
    event = {
        "event_id": f"shift-{customer}-{number}",
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": at,
        "order_id": f"shift-{customer}-{number}",
        "total": 5000.0,
        "currency": "EUR",
    }
    return json.dumps(event).encode()


@only_with_all
def test_the_population_shifts(shop: Shop) -> None:
    customers = [f"c{number:06}" for number in range(CUSTOMERS)]
    shop.publish([(customer, order(customer, 1)) for customer in customers])
    assert shop.fired("MoveStorm") == {"MoveStorm"}
    shop.calm()


@only_with_all
def test_redis_is_stopped(shop: Shop) -> None:
    shop.redis.stop()
    try:
        assert shop.fired("LagGrowing") == {"LagGrowing"}
    finally:
        shop.redis.launch(keep=False)
        shop.redis.await_ready()
    shop.calm()
