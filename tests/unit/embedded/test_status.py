"""Test what a status shows of servers that end while it looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.embedded.server import Server
from streamer.runtime.background import Background


def test_a_server_that_ends_between_two_looks_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([True, False])
    monkeypatch.setattr(Server, "alive", lambda _: next(looks))
    server = Background(tmp_path)
    server._pid = 4711
    assert server.find() == 4711
    assert server.find() is None


def test_the_pid_of_a_server_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the service is not running"):
        _ = Background(tmp_path).pid
