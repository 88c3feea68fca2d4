"""A proposal on the real servers: made, approved while no owner runs, in force, and nobody is told to act on it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from behaviour_world import ARCHETYPES, CATEGORIES
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from schemas import topics
from schemas.wire_time import epoch_ms, iso
from streamer.embedded import Addresses
from streamer.sources.import_records import feed
from streamer.sources.source import SourceEvent

pytestmark = pytest.mark.integration

CUSTOMERS = 240
FIRST = epoch_ms("2024-01-01T00:00:00Z")
TOLD: dict[str, Any] = {
    "frame_days": [90],
    "min_buyers": 150,
    "tolerance": 9.0,
    "table_tolerance": 9.0,
    "better": 1.0,
}


class Days:
    """Some days of a shop of five kinds of customers; a day's events depend on the day alone."""

    def __init__(self, first: int, last: int) -> None:
        self._days = range(first, last)
        self.skipped: Counter[str] = Counter()
        self.rows = None
        self.content_hash = f"{first:032d}{last:032d}"

    def events(self) -> Iterator[SourceEvent]:
        busy = np.random.default_rng(1).gamma(8.0, 1 / 8.0, (CUSTOMERS, 2))
        kinds = list(ARCHETYPES.values())
        for day in self._days:
            rng = np.random.default_rng((2, day))
            draws = rng.random((CUSTOMERS, 2))
            for i in range(CUSTOMERS):
                kind = kinds[i % len(kinds)]
                at = FIRST + day * DAY_MS + i * 60_000
                common = {"customer_id": f"c{i}", "occurred_at": iso(at)}
                if draws[i, 1] < kind.clicks * busy[i, 1]:
                    yield event(at, {**common, "event_id": f"v{day}-{i}", "type": "product.viewed"})
                if draws[i, 0] < kind.orders * busy[i, 0]:
                    total = round(kind.basket * float(np.exp(rng.normal(0, 0.35))) / 100, 2)
                    product = {"product_id": "p", "price": total, "quantity": 1}
                    product["category"] = CATEGORIES[int(rng.integers(kind.breadth))]
                    order = {"order_id": f"o{day}-{i}", "total": total, "currency": "EUR", "products": [product]}
                    if rng.random() < kind.discount:
                        order["discount"] = 1.0
                    yield event(at, {**common, **order, "event_id": f"b{day}-{i}", "type": "order.completed"})


def event(at: int, body: dict[str, Any]) -> SourceEvent:
    return SourceEvent(at, body["customer_id"].encode(), json.dumps(body).encode())


class Told:
    """The service, and the command line beside it."""

    def __init__(self, service: LiveService, logs: Path) -> None:
        self.service = service
        self.logs = logs
        self.day = 0

    def play(self, days: int) -> None:
        """Play so many days more, until lanes have taken them and the owner has heard of the last."""
        source = Days(self.day, self.day + days)
        self.day += days
        self.service.publish(list(feed(source, f"to{self.day}", DayGrid())))
        self.service.wait_until_applied()

    def owner(self, k: int | None) -> Any:
        """One more owner, who keeps to ``k`` segments, or who finds that there are five.

        A look at the panel may come in the middle of a day, and so small a panel then shows four kinds as well as five.
        """
        self.service.environment["OWNER_CONFIG"] = json.dumps({**TOLD, "k": k, "k_range": (5, 5)})
        return self.service.start("owner", "owner_told")

    def published(self, kind: str) -> list[dict[str, Any]]:
        bodies = [json.loads(record.value) for record in self.service.records(topics.MODELS, 0)]
        return [body for body in bodies if body["type"] == kind]

    def times_kept(self) -> int:
        """How often the owner has kept what it knows."""
        return sum(record.key == b"!learner:0" for record in self.service.records(topics.PANEL, 0))

    def looked_since(self, times_kept: int) -> bool:
        return self.times_kept() > times_kept

    def metrics(self) -> str:
        """What the newest owner exposes."""
        newest = max(self.logs.glob("owner-*.log"), key=lambda path: int(path.stem.rpartition("-")[2]))
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/metrics", newest.read_text())
        with urllib.request.urlopen(url, timeout=10) as served:
            return str(served.read().decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "streamer.cli", *arguments, "--json"]
        return subprocess.Popen(command, env=self.service.environment, stdout=subprocess.PIPE)

    def run(self, *arguments: str) -> Any:
        """What a command prints."""
        return answer(self.start(*arguments))


def answer(running: subprocess.Popen[bytes]) -> Any:
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    return json.loads(out)


@pytest.fixture
def told(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Told]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_CLOCK="event")
    yield Told(service, tmp_path)
    service.close()


@pytest.mark.timeout(300)
def test_a_proposal_is_made_approved_and_moves_customers_as_a_refit(told: Told) -> None:
    service = told.service
    service.start()
    owner = told.owner(3)
    told.play(100)
    service.wait(lambda: bool(told.published("segment.model")))
    [first] = told.published("segment.model")
    assert len(first["body"]["segments"]) == 3
    owner.send_signal(signal.SIGTERM)
    owner.wait(20)

    owner = told.owner(None)
    while not told.published("segment.proposal"):
        assert told.day < 160, service.logs()
        times_kept = told.times_kept()
        told.play(8)
        service.wait(partial(told.looked_since, times_kept))
    [proposal] = told.run("models", "list")["proposals"]
    assert (proposal["id"], proposal["status"], proposal["k"]) == ("p1", "waiting", 5)
    assert 0 < proposal["moves"] < 1
    shown = told.run("models", "show", "p1")
    assert {one["kind"] for one in shown["transitions"]} >= {"survive", "appear"}

    # The owner dies; somebody approves; another owner starts, acts on it, and is killed in turn.
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    approving = told.start("models", "approve", "p1")
    owner = told.owner(None)
    approved = answer(approving)
    assert (approved["status"], approved["version"]) == ("approved", first["version"] + 1)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    told.owner(None)

    survivors = {s["segment_id"] for s in first["body"]["segments"]}
    kept = sorted(survivors & {s["id"] for s in shown["segments"]})
    renamed = told.run("segments", "rename", kept[0], "常客")
    assert renamed["version"] == approved["version"] + 1
    metrics = told.metrics()
    assert f"streamer_model_version {renamed['version']}.0" in metrics
    assert 'streamer_model_refits_total{outcome="renamed"} 1.0' in metrics
    assert "streamer_model_proposals_waiting 0.0" in metrics
    told.play(20)
    versions = told.published("segment.model")
    assert [one["version"] for one in versions] == [first["version"] + step for step in range(3)]
    assert [one["status"] for one in told.published("segment.proposal")] == ["waiting", "approved"]
    names = {s["segment_id"]: s["name"] for s in first["body"]["segments"]} | {kept[0]: "常客"}
    for segment in versions[-1]["body"]["segments"]:
        if segment["segment_id"] in survivors:
            assert segment["name"] == names[segment["segment_id"]]

    changes = [change for change in service.changes() if change["segmentation"] == "behaviour"]
    refits = [change for change in changes if change["cause"] == "refit" and change["from"] is not None]
    appeared = {s["id"] for s in shown["segments"]} - survivors
    assert len([change for change in refits if change["to"]["id"] in appeared]) >= proposal["moved"] / 2
    assert {change["automation_safe"] for change in refits} == {False}
    assert {change["to"]["name"] for change in refits if change["to"]["id"] == kept[0]} <= {"常客"}
    assert service.parity().differences == []
