"""Test the watchdog on real servers: a worker with a stuck lane is restarted by its supervisor, one that waits is not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_service import LiveService
from own_valkey import own_valkey
from poison_rows import order
from stuck_worker import SECONDS

from schemas import topics
from schemas.partition import partition_for
from streamer.embedded import Addresses
from streamer.embedded.valkey import Valkey
from streamer.runtime import last_error
from streamer.runtime.supervise import EXIT_STUCK, Child
from streamer.sources.import_records import Outgoing

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

LANES = 2


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with own_valkey(tmp_path / "valkey", persistent=True) as server:
        yield server


@pytest.fixture
def service(addresses: Addresses, valkey: Valkey, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    once = {"STUCK_ONCE": str(tmp_path / "once")}
    with LiveService(addresses, valkey.address, prefix, tmp_path, lanes=LANES, **once) as made:
        yield made


@pytest.fixture
def child(service: LiveService, tmp_path: Path) -> Iterator[Child]:
    """Return the worker and its supervisor."""
    command = [sys.executable, "-m", "stuck_worker", "lanes", "--follow-parent"]
    with (tmp_path / "supervised.log").open("wb") as log:
        made = Child(command, service.environment, log)
        made.start()
        try:
            yield made
        finally:
            made.begin_stop()
            made.wait(time.monotonic() + 20)


def orders(first: int, count: int, *names: str) -> list[Outgoing]:
    """Return one event each of many customers, and named ones for the first customer of lane 0."""
    now = time.time_ns() // 1_000_000
    ids = [f"c{number}" for number in range(first, first + count)]
    one = next(id for id in ids if partition_for(id.encode(), LANES) == 0)
    named = [*((f"o-{id}", id) for id in ids), *((name, one) for name in names)]
    return [Outgoing(id.encode(), order(name, id, now), ()) for name, id in named]


@pytest.mark.skipif("FAULTS" not in os.environ, reason="half a minute; `make faults` runs it")
def test_a_stuck_worker_is_started_again_and_one_that_waits_is_not(
    service: LiveService, child: Child, valkey: Valkey
) -> None:
    service.publish(orders(0, 20))
    service.wait_until_applied()
    first = child.pid
    service.publish(orders(20, 20, "stuck"))
    service.wait(lambda: child.exit_code is not None, 60)
    assert child.exit_code == EXIT_STUCK, service.logs()
    error = last_error.read(topics.full_name("streamer", service.prefix))
    assert error is not None and "has records to decide and has committed nothing for" in error.why
    service.wait_until_applied(60)
    second = child.pid
    assert second not in (None, first) and child.starts == 2

    valkey.stop()
    service.publish(orders(40, 20))
    time.sleep(2 * SECONDS + 4)
    assert child.pid == second, "it waits, and has said so"
    valkey.launch(keep=False)
    valkey.await_ready()
    service.wait_until_applied(60)
    assert (child.pid, child.starts) == (second, 2)
    ledgers = service.ledgers()
    assert [sum(found) for found in zip(*((one.applied, one.customers) for one in ledgers), strict=True)] == [61, 60]
    assert sum(one.duplicates + one.unaccounted + sum(one.dead_letters.values()) for one in ledgers) == 0
    assert service.parity().differences == []
