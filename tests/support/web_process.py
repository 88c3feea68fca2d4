"""Run a `streamer web` process beside a test's service, and send it requests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from schemas.endpoints import ENDPOINTS
from schemas.openapi import document
from schemas.wire_time import epoch_ms
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import import_records
from streamer.web.api.tokens import FILE, Tokens

START = epoch_ms("2025-03-01T00:00:00Z")
LATEST = START + 90 * DAY_MS
"""The first instant of the imported shop, and the instant after which it has no events."""


class Answer(NamedTuple):
    """A response."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class WebProcess:
    """One process; its home has tokens and the read model."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **environment,
            "STREAMER_HOME": str(home),
            "STREAMER_WEB_PORT": str(self.port),
            "STREAMER_WEB_METRICS_PORT": "0",
        }
        self.tokens = Tokens(home / FILE)
        self.token = self.tokens.create("test", ["read", "export", "edit"], "2026-01-01T00:00:00Z")
        self.process: subprocess.Popen[bytes] | None = None
        self._log = home / "web.log"

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamer", "web"], env=self.environment, stdout=log, stderr=log
            )
        self.until(lambda: self.answers("/healthz"))

    def kill(self) -> None:
        """Send SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def close(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def answers(self, path: str) -> bool:
        """Return whether a path answers 200."""
        try:
            return self.get(path).status == 200
        except OSError:
            return False

    def until_current(self) -> None:
        """Wait until the read model has everything in the topics."""
        self.until(lambda: self.answers("/readyz"))

    def until(self, done: Any, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"not done after {seconds} s\n{self.log[-3000:]}"
            assert self.process is None or self.process.poll() is None, self.log[-3000:]
            time.sleep(0.05)

    def get(self, path: str, token: str | None = "", **headers: str) -> Answer:
        """GET a path, with the usual token by default, or another, or None."""
        return self.ask("GET", path, None, token, **headers)

    def ask(self, method: str, path: str, body: bytes | None, token: str | None = "", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent.setdefault("authorization", f"Bearer {token or self.token}")
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as found:
                return Answer(found.status, dict(found.headers), found.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read().decode())

    def fitting(self, operation: str, path: str) -> Any:
        """Return the JSON of a path, checked against the document's schema of that operation."""
        found = self.get(path)
        assert found.status == 200, found
        check(operation, found.body)
        return found.body


def check(operation: str, body: Any) -> None:
    """Fail if a body does not match the document's schema of an operation."""
    spec = document()
    model = next(one.answer for one in ENDPOINTS if one.id == operation)
    assert model is not None
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": spec["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)


@contextmanager
def web(environment: Mapping[str, str], home: Path) -> Iterator[WebProcess]:
    """Run a process for the block."""
    found = WebProcess({**os.environ, **environment}, home)
    try:
        found.start()
        yield found
    finally:
        found.close()


@contextmanager
def imported_shop(
    addresses: Addresses, database: int, folder: Path, name: str, *, customers: int
) -> Iterator[LiveService]:
    """Run a service of two lanes that has applied an imported shop of 60 days; ``database`` is Redis's."""
    service = LiveService(addresses, f"{addresses.redis}/{database}", name, folder, lanes=2, STREAMER_CLOCK="event")
    with service:
        service.start()
        shop = Shop(ShopConfig(customers=customers, seed=5, days=60, start=START))
        service.publish(import_records(shop, name, DayGrid("UTC"), latest=LATEST))
        service.wait_until_applied()
        yield service
