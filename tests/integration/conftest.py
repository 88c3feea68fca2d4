"""Provide fixtures shared by several files: a service, its web process and command line, a webhook and a mail server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from act_rig import Postbox, Receiver
from command_line import CommandLine
from live_service import LiveService
from web_process import WebProcess, web

from streamer.embedded import Addresses


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all tests of a file."""
    return tmp_path_factory.mktemp(request.path.stem)


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    """Start a service of two lanes without a process yet; files with other needs have their own ``service``."""
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=2) as made:
        yield made


@pytest.fixture(scope="module")
def api(service: LiveService, folder: Path) -> Iterator[WebProcess]:
    """Start a web process that has read everything; a file defines ``service`` with the same scope."""
    with web(service.environment, folder / "home") as process:
        process.until_current()
        yield process


@pytest.fixture
def streamer(api: WebProcess) -> CommandLine:
    """Return ``streamer`` as a user of that process runs it."""
    return CommandLine(api.home, {k: v for k, v in api.environment.items() if k.startswith("STREAMER_")})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Start a webhook receiver that never fails."""
    with Receiver(failing=0.0) as running:
        yield running


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """Start a mail server that answers at once."""
    with Postbox(slowest=0.0) as running:
        yield running
