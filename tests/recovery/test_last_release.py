"""A worker of the last release and one of this source tree side by side, as in every update of a running service."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from live_service import LiveService
from releases import Release, last_release

from models.features.time import DAY_MS, DayGrid
from streamer.embedded import Addresses
from streamer.runtime.app import EXIT_FATAL
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, feed

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

EVENTS = int(os.environ.get("RELEASE_EVENTS", "4000"))
RATE = 250


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    with last_release(tmp_path) as release:
        yield release


@pytest.fixture
def service(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path, release: Release
) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CLOCK="event")
    yield service
    service.close()


def history(events: int) -> Iterator[Outgoing]:
    """The first records of a shop's past, late and repeated ones among them.

    No broken ones: what a release refuses, a later one may well take.
    """
    now = time.time_ns() // 1_000_000
    days = 120 + events // 100
    shop = Shop(ShopConfig(customers=400, days=days, start=now - (days + 1) * DAY_MS, late=0.02, duplicates=0.02))
    return islice(feed(shop, "update", DayGrid(), latest=now), events)


class Update:
    """A service whose workers are of two releases, in the middle of a stream of events."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._writer = threading.Thread(
            target=service.publish, args=(list(history(EVENTS)),), kwargs={"rate": RATE}, daemon=True
        )

    def __enter__(self) -> Update:
        self._writer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.join()

    def reach(self, share: float) -> None:
        """Wait until that share of the events has been consumed."""
        wanted = share * EVENTS
        self._service.wait(
            lambda: sum(ledger.consumed for ledger in self._service.ledgers()) > wanted, 120 + EVENTS / RATE
        )

    def shared_out(self, *workers: subprocess.Popen[bytes]) -> None:
        """Wait until these workers, all of them alive, share the lanes."""

        def shared() -> bool:
            assert all(worker.poll() is None for worker in workers), self._service.logs()
            return self._service.shared_out(workers)

        self._service.wait(shared)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker in the middle of what it does."""
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(20) == -signal.SIGKILL


def nothing_lost_or_doubled(service: LiveService) -> None:
    """A replay by this source tree gives what both published, and every record is accounted for."""
    service.wait_until_applied()
    parity = service.parity()
    assert parity.differences[:10] == []
    assert parity.changes > EVENTS / 20
    ledgers = service.ledgers()
    assert sum(ledger.unaccounted for ledger in ledgers) == 0
    assert sum(ledger.applied + ledger.duplicates for ledger in ledgers) > 0.9 * EVENTS


@pytest.mark.timeout(300 + EVENTS // 20)
def test_a_worker_of_the_last_release_runs_beside_one_of_this(service: LiveService, release: Release) -> None:
    """Each is killed once in the middle of things and started again; lanes go to and fro between the two."""
    if release.refuses is not None:
        pytest.skip(f"a worker of {release.version} cannot run beside one of this source tree: {release.refuses}")
    service.start("owner")
    old, new = service.start(release=release), service.start()
    with Update(service) as update:
        update.shared_out(old, new)
        update.reach(1 / 4)
        update.kill(old)
        update.shared_out(new)
        old = service.start(release=release)
        update.shared_out(old, new)
        update.reach(1 / 2)
        update.kill(new)
        update.shared_out(old)
        new = service.start()
        update.shared_out(old, new)
    nothing_lost_or_doubled(service)
    assert old.poll() is None and new.poll() is None


@pytest.mark.timeout(300 + EVENTS // 20)
def test_this_goes_on_where_the_last_release_was_killed(service: LiveService, release: Release) -> None:
    """An update. One of the last release that is started by mistake afterwards ends by itself, and does no harm."""
    service.start("owner")
    old = service.start(release=release)
    with Update(service) as update:
        update.shared_out(old)
        update.reach(1 / 4)
        update.kill(old)
        new = service.start()
        update.shared_out(new)
        update.reach(1 / 2)
        if release.refuses is not None:
            mistaken = service.start(release=release)
            assert mistaken.wait(120) == EXIT_FATAL
            [said] = service.told(mistaken, "this worker cannot go on and ends; start it again")
            assert "InvariantViolation" in said["error.message"]
            assert release.refuses in said["error.message"]
        update.kill(new)
        new = service.start()
        update.shared_out(new)
    nothing_lost_or_doubled(service)
    assert new.poll() is None
