"""Run the command line on a separate service, for tests of ``import``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from streamer.adapters.redis_keys import LaneKeys
from streamer.core.ledger import Ledger, load
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop

LANES = 3


@dataclass
class Commands:
    """The command line on a separate service."""

    environment: Mapping[str, str]
    client: redis.Redis
    prefix: str

    @property
    def variables(self) -> dict[str, str]:
        """Return streamer's variables."""
        return {name: value for name, value in self.environment.items() if name.startswith("STREAMER_")}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> dict[str, Any]:
        """Return the JSON output of a command that must succeed."""
        process = self.start(*arguments, "--json")
        out, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def refused(self, *arguments: str) -> str:
        """Return the output of a command that must fail."""
        process = self.start(*arguments)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "Traceback" not in errors
        return errors

    def ledgers(self) -> list[Ledger]:
        keys = [LaneKeys(f"{self.prefix}.streamer", lane).ledger for lane in range(LANES)]
        held: list[Any] = [self.client.get(key) for key in keys]
        return [load(raw) for raw in held if raw]

    def consumed(self) -> int:
        return sum(ledger.consumed for ledger in self.ledgers())

    def has_consumed(self, records: int) -> bool:
        return self.consumed() >= records


def wait(process: subprocess.Popen[str], done: Callable[[], bool]) -> None:
    """Poll until ``done`` while a process runs."""
    deadline = time.monotonic() + 120
    while not done():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


def commands_on(addresses: Addresses, redis_url: str, prefix: str, home: Path) -> Commands:
    """Return the command line of a new service on the servers of the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    environment |= {
        "STREAMER_KAFKA": addresses.kafka,
        "STREAMER_REDIS": redis_url,
        "STREAMER_TOPIC_PREFIX": prefix,
        "STREAMER_HOME": str(home),
        "STREAMER_LANES": str(LANES),
        "STREAMER_CLOCK": "event",
        "STREAMER_METRICS_PORT": "0",
        "STREAMER_SESSION_SECONDS": "3",
    }
    return Commands(environment, redis.Redis.from_url(redis_url), prefix)


def simulated(folder: Path, customers: int, days: int, **config: Any) -> Path:
    """Return a file of a simulated shop."""
    path = folder / "shop.jsonl"
    events = Shop(ShopConfig(customers=customers, days=days, **config)).events()
    path.write_bytes(b"\n".join(event.value for event in events) + b"\n")
    return path
