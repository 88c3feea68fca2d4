"""Test Kafka killed during HTTP requests: accepted events are in the topic, each sender's in order."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from live_service import LiveService
from web_process import WebProcess, web

from schemas import topics
from streamer.embedded import Addresses, down, status, up

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("COLLECTOR_KILLS", "2"))
SENDERS = 3
LANES = 2


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Path, Addresses]]:
    """Servers of this test only, restarted when they die."""
    home = tmp_path / "home"
    addresses = up(home)
    yield home, addresses
    down(home)


class Sender(threading.Thread):
    """Sends numbered events of one customer in small batches, repeating each until it is accepted."""

    def __init__(self, api: WebProcess, token: str, name: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.customer = name
        self._api, self._token, self._stop_it = api, token, stop
        self.accepted = 0
        self.refused = 0

    def run(self) -> None:
        while not self._stop_it.is_set():
            batch = json.dumps([self._event(self.accepted + n) for n in range(5)]).encode()
            while True:
                answer = self._api.ask("POST", "/v1/events", batch, self._token)
                if answer.status == 202:
                    break
                assert answer.status == 503 and answer.headers["retry-after"], answer
                assert "accepted" not in answer.body
                self.refused += 1
                time.sleep(0.1)
            assert answer.body == {"accepted": 5, "rejected": []}
            self.accepted += 5

    def _event(self, number: int) -> dict[str, str]:
        return {
            "event_id": str(number),
            "type": "page.viewed",
            "customer_id": self.customer,
            "occurred_at": datetime.now(UTC).isoformat(),
        }


def test_what_was_accepted_is_in_the_topic(own: tuple[Path, Addresses], tmp_path: Path) -> None:
    home, addresses = own
    # Only its topics and addresses: no worker runs.
    service = LiveService(addresses, addresses.redis, "", tmp_path, lanes=LANES)
    stop = threading.Event()
    with web(service.environment, tmp_path / "web") as api:
        token = api.tokens.create("server", ["write"], "2026-01-01T00:00:00Z")
        senders = [Sender(api, token, f"sender-{n}", stop) for n in range(SENDERS)]
        for one in senders:
            one.start()
        for _ in range(KILLS):
            reached = [one.accepted for one in senders]
            api.until(lambda: all(one.accepted > n for one, n in zip(senders, reached, strict=True)))  # noqa: B023
            kafka = status(home).kafka_pid
            assert kafka is not None
            os.kill(kafka, signal.SIGKILL)
            api.until(lambda: status(home).kafka_pid not in (None, kafka))  # noqa: B023
        reached = [one.accepted for one in senders]
        api.until(lambda: all(one.accepted > n for one, n in zip(senders, reached, strict=True)))
        stop.set()
        for one in senders:
            one.join(60)
            assert not one.is_alive()
    assert sum(one.refused for one in senders) > 0, "Kafka was away"
    found: dict[str, list[int]] = {one.customer: [] for one in senders}
    for record in (record for lane in range(LANES) for record in service.records(topics.EVENTS, lane)):
        found[record.key.decode()].append(int(json.loads(record.value)["event_id"]))
    for one in senders:
        # Lanes drop repeats by id; a repeat never precedes what it repeats, and nothing is missing.
        assert list(dict.fromkeys(found[one.customer])) == list(range(one.accepted))
