"""Test records deleted ahead of a lane on real servers: only it stops, reports them, and one command skips them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from command_line import CommandLine
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from live_service import LiveService
from poison_rows import order

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from streamer.embedded import Addresses
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

LANES = 2
STOPS = "lane stopped (see docs/runbooks/LaneStopped.md)"
SETTINGS = ("STREAMER_KAFKA", "STREAMER_REDIS", "STREAMER_TOPIC_PREFIX")
HERE, THERE = (next(f"c{n}" for n in range(99) if partition_for(b"c%d" % n, LANES) == lane) for lane in range(LANES))


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES) as made:
        yield made


def orders(customer: str, first: int, count: int, size: int = 0) -> list[Outgoing]:
    now = time.time_ns() // 1_000_000
    ids = range(first, first + count)
    return [Outgoing(customer.encode(), order(f"{customer}-{n}", customer, now, note="x" * size), ()) for n in ids]


def delete_before(service: LiveService, lane: int, offset: int) -> None:
    """Delete records as retention does."""
    admin = AdminClient({"bootstrap.servers": service.connection.bootstrap})
    where = TopicPartition(service.connection.topic(topics.EVENTS), lane, offset)
    for future in admin.delete_records([where], request_timeout=20).values():
        assert future.result(20).low_watermark == offset


def applied(service: LiveService, lane: int) -> int:
    return sum(ledger.applied for ledger in service.ledgers() if ledger.partition == lane)


def test_a_lane_that_misses_records_stops_alone_and_skip_gets_past_them(service: LiveService, tmp_path: Path) -> None:
    """They were deleted while no worker ran."""
    run = CommandLine(tmp_path, {name: service.environment[name] for name in SETTINGS}).run
    worker = service.start()
    service.publish(orders(HERE, 0, 2) + orders(THERE, 0, 2))
    service.wait_until_applied()
    worker.terminate()
    assert worker.wait(30) == 0
    service.publish(orders(HERE, 2, 5) + orders(THERE, 2, 5))
    delete_before(service, 0, 5)
    missed = "records 2 to 4 were deleted before they were decided"
    printed = run("status")
    assert (printed.exit_code, missed in printed.stdout.replace("\n", " ")) == (1, True), (
        "before anybody takes the lane"
    )

    worker = service.start()
    service.wait(lambda: applied(service, 1) == 7)
    service.wait(lambda: service.logged(worker, STOPS) != [])
    assert worker.poll() is None
    for command in ("status", "doctor", "lanes"):
        printed = run(command)
        assert (printed.exit_code, missed in " ".join(printed.stdout.split())) == (1, True), printed.stdout
    stopped, running = json.loads(run("lanes", "--json").stdout)
    assert (stopped["offset"], running["why"]) == (2, "")
    assert "`streamer lanes skip 0:2` goes on with what is left" in stopped["hint"]
    assert run("lanes", "resume", "0").exit_code == 0
    service.wait(lambda: len(service.logged(worker, STOPS)) == 2)

    done = run("lanes", "skip", "0:2", "--yes")
    assert (done.exit_code, "the lane resumes at offset 5" in done.stdout) == (0, True), done.stderr
    service.wait_until_applied()
    assert worker.poll() is None
    ledger = service.ledgers()[0]
    assert (ledger.applied, ledger.dead_letters, ledger.unaccounted) == (4, {"poison": 3}, 0)
    (letter,) = service.records(topics.DEADLETTERS, 0)
    found = parse_headers(letter.headers)
    assert (found.offset, letter.value, bool(found.cut)) == (4, b"", True)
    assert found.message.startswith(f"skipped by hand: {missed}")
    service.wait(lambda: run("status").exit_code == 0)


@pytest.mark.skipif("FAULTS" not in os.environ, reason="20 MB of events; `make faults` runs it")
def test_records_that_go_before_a_running_lane_has_fetched_them_stop_it_alone(
    service: LiveService, redis_url: str
) -> None:
    """Redis accepts no write, so the lane does not fetch; more is pending than fits into the fetches in progress."""
    worker = service.start()
    service.publish(orders(HERE, 0, 1) + orders(THERE, 0, 1))
    service.wait_until_applied()
    with redis.Redis.from_url(redis_url) as client:
        # For as long as this machine needs. A client that pauses all commands cannot end the pause.
        client.client_pause(300_000, all=False)
        service.publish(orders(HERE, 1, 2_400, size=8_000))
        delete_before(service, 0, 2_390)
        client.client_unpause()
    service.wait(lambda: service.logged(worker, STOPS) != [], 60)
    service.publish(orders(THERE, 1, 3))
    service.wait(lambda: applied(service, 1) == 4, 60)
    (line,) = service.logged(worker, STOPS)
    decided = applied(service, 0)
    assert 0 < decided < 2_391, "what it had fetched is decided"
    assert f"records {decided} to 2389 were deleted before they were decided" in line["why"]
    assert worker.poll() is None
    assert sum(ledger.unaccounted + ledger.duplicates for ledger in service.ledgers()) == 0
