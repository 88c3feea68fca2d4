"""Test that processes of one home know where the others serve their metrics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app

from streamer.config.settings import Settings
from streamer.runtime.metrics_port import serve
from streamer.runtime.metrics_targets import MetricsTargets
from streamer.runtime.roles import ROLES
from streamer.telemetry.status_server import StatusServer


@pytest.fixture
def other() -> Iterator[int]:
    """Return the process id of another process of the program."""
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", "streamer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_those_that_live_are_named_and_the_others_forgotten(tmp_path: Path, other: int) -> None:
    targets = MetricsTargets(tmp_path, "0.0.0.0", 9464)
    (tmp_path / "metrics" / str(other)).write_text("127.0.0.1:4711")
    # No process has this id, which is above the system's limit.
    gone = tmp_path / "metrics" / "99999999"
    gone.write_text("127.0.0.1:4712")
    assert targets.addresses() == ["127.0.0.1:4711", "127.0.0.1:9464"]
    assert not gone.exists()


def test_starts_leave_no_files_of_processes_that_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "99999999").write_text("127.0.0.1:4712")
    MetricsTargets(tmp_path, "0.0.0.0", 9464)
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(str(os.getpid()), "127.0.0.1:9464")]


def test_a_home_that_cannot_be_written_costs_only_the_others(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("")
    assert MetricsTargets(home, "127.0.0.1", 9464).addresses() == ["127.0.0.1:9464"]


def test_prometheus_reads_them_over_http(tmp_path: Path) -> None:
    server = StatusServer(make_wsgi_app(CollectorRegistry()), lambda: None, lambda: None)
    try:
        port = serve(server, ROLES["act"], Settings(home=tmp_path, act_metrics_port=0))
        with urlopen(f"http://127.0.0.1:{port}/targets", timeout=5) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            assert json.load(answer) == [{"targets": [f"127.0.0.1:{port}"]}]
    finally:
        server.stop()
    assert (tmp_path / "metrics" / str(os.getpid())).exists()
