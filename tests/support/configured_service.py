"""Run a shop with five kinds of customers on real servers, and a model owner with given learning settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from behaviour_world import ARCHETYPES, CATEGORIES
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from schemas import topics
from schemas.wire_time import epoch_ms, iso
from streamer.sources.import_records import import_records
from streamer.sources.source import SourceEvent

CUSTOMERS = 240
FIRST = epoch_ms("2024-01-01T00:00:00Z")


class Days:
    """Days of a shop with five kinds of customers. A day's events depend only on the day."""

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


class ConfiguredService:
    """The service, and the command line next to it."""

    def __init__(self, service: LiveService, logs: Path) -> None:
        self.service = service
        self.logs = logs
        self.day = 0

    def play(self, days: int) -> None:
        """Play this number of further days, until lanes have applied them and the owner has read the last."""
        source = Days(self.day, self.day + days)
        self.day += days
        self.service.publish(list(import_records(source, f"to{self.day}", DayGrid())))
        self.service.wait_until_applied()

    def owner(self, config: dict[str, Any]) -> Any:
        """Start another owner with these values of ``LearnerConfig``."""
        self.service.environment["OWNER_CONFIG"] = json.dumps(config)
        return self.service.start("owner", "owner_configured")

    def published(self, kind: str) -> list[dict[str, Any]]:
        """Return records of a type about clusters; those about predictions are in the same topic."""
        bodies = [json.loads(record.value) for record in self.service.records(topics.MODELS, 0)]
        return [body for body in bodies if body["type"] == kind and body.get("kind") != "predictions"]

    def times_kept(self) -> int:
        """Return how often the owner has stored its state."""
        return sum(record.key == b"!learner:0" for record in self.service.records(topics.PANEL, 0))

    def looked_since(self, times_kept: int) -> bool:
        return self.times_kept() > times_kept

    def metrics(self) -> str:
        """Return the metrics of the newest owner."""
        newest = max(self.logs.glob("owner-*.log"), key=lambda path: int(path.stem.rpartition("-")[2]))
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/metrics", newest.read_text())
        with urllib.request.urlopen(url, timeout=10) as served:
            return str(served.read().decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "streamer.cli", *arguments, "--json"]
        return subprocess.Popen(command, env=self.service.environment, stdout=subprocess.PIPE)

    def run(self, *arguments: str) -> Any:
        """Return a command's output."""
        return answer(self.start(*arguments))


def answer(running: subprocess.Popen[bytes]) -> Any:
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    return json.loads(out)
