"""Test that a reset of the demo deletes the demo's data and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from live_service import LiveService

from models.features.time import DayGrid
from models.rules.defaults import DEFAULT_TEXT
from schemas import topics
from schemas.wire_time import iso
from streamer.adapters.import_view import ImportRecord, ImportView
from streamer.adapters.redis_reader import ViewReader
from streamer.client import activation
from streamer.demo.reset import only_holds, put_away, reset, was_demo
from streamer.embedded import Addresses
from streamer.imports.service import Service
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

OURS = re.compile(r"c\d+-.+")


@pytest.fixture
def live(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=2) as service:
        yield service


@pytest.fixture
def view(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def service(live: LiveService, redis_url: str, view: redis.Redis) -> Iterator[Service]:
    """Return the same service as the demo sees it, after one import."""
    prefix = f"{live.prefix}.streamer"
    reader = ViewReader(redis_url, prefix, live.lanes)
    imports = ImportView(view, prefix, live.lanes)
    imports.remember(ImportRecord("i-1", "h", "the demo's shop, run 1", 1, finished=True))
    alone = True
    yield Service(live.connection, live.lanes, reader, imports, DayGrid(), None, alone, (), {}, Path("log"))
    reader.close()


def order(customer: str, number: int) -> Outgoing:
    body = {
        "type": "order.completed",
        "event_id": f"e-{number}",
        "customer_id": customer,
        "occurred_at": iso(time.time_ns() // 1_000_000),
        "order_id": f"o-{number}",
        "total": 60.0,
        "currency": "EUR",
    }
    return Outgoing(customer.encode(), json.dumps(body).encode(), ())


def applied(live: LiveService, *ids: str) -> None:
    """Let a worker process an order of each, and end."""
    worker = live.start()
    live.publish([order(id, number) for number, id in enumerate(ids)])
    live.wait_until_applied()
    worker.terminate()
    assert worker.wait(60) == 0


def test_what_the_demo_left_is_deleted(live: LiveService, service: Service, view: redis.Redis) -> None:
    view.set("of-somebody-else", 1)
    applied(live, "c1-0001", "c1-0002", "c2-0001")
    assert only_holds(service, "the demo", OURS)
    reset(service)
    assert view.keys() == [b"of-somebody-else"]
    assert [live.records(topic, 0) for topic in (topics.EVENTS, topics.CHANGES, topics.STATE)] == [[], [], []]
    # The service works: a stale group offset or token would stop a lane.
    applied(live, "c1-0001")
    assert sum(ledger.customers for ledger in live.ledgers()) == 1
    assert live.parity().differences == []


def a_stranger(live: LiveService, service: Service, view: redis.Redis) -> None:
    applied(live, "17")


def a_waiting_record(live: LiveService, service: Service, view: redis.Redis) -> None:
    live.publish([order("17", 9)])


def another_import(live: LiveService, service: Service, view: redis.Redis) -> None:
    service.imports.remember(ImportRecord("i-2", "h2", "orders.csv", 2, finished=True))


def a_lost_view(live: LiveService, service: Service, view: redis.Redis) -> None:
    view.flushdb()


@pytest.mark.parametrize("more", [a_stranger, a_waiting_record, another_import, a_lost_view])
def test_anything_else_keeps_all(
    more: Callable[[LiveService, Service, redis.Redis], None], live: LiveService, service: Service, view: redis.Redis
) -> None:
    applied(live, "c1-0001")
    more(live, service, view)
    assert not only_holds(service, "the demo", OURS)


def test_a_demo_in_use_stays_and_one_at_rest_goes(live: LiveService, service: Service, tmp_path: Path) -> None:
    """An import of a user's file finds the demo's customers, with or without one of the user's."""
    report: list[str] = []
    assert was_demo(service)
    applied(live, "c1-000001", "me")
    assert put_away(service, tmp_path, report.append) and not report
    assert not was_demo(service)
    service.imports.remember(ImportRecord("i-1", "h", "the demo's shop, run 1", 1, finished=True))
    applied(live, "c1-000001", "c1-anna")
    assert was_demo(service)
    assert not put_away(service, tmp_path, report.append)


def test_segmentations_that_were_activated_are_kept_as_a_file(
    live: LiveService, service: Service, tmp_path: Path
) -> None:
    text, report = DEFAULT_TEXT + "\n# mine, 我的\n", list[str]()
    asyncio.run(activation.publish(live.connection, live.lanes, text, "mine.toml", 1))
    applied(live, "c1-000001")
    home = tmp_path / "kept"
    assert put_away(service, home, report.append)
    (file,) = home.iterdir()
    assert file.read_text(encoding="utf-8") == text and len(report) == 1 and str(file) in report[0]
    assert service.view.definitions() is None
