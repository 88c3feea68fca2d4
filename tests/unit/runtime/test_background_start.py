"""Test when ``up --all`` starts no service: another web process has the home, or another command its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer import embedded
from streamer.client import presence
from streamer.embedded import ownership
from streamer.embedded.home import silent
from streamer.embedded.lock import home_lock
from streamer.runtime import background, supervise
from streamer.runtime.background import Background


def test_beside_a_web_process_started_by_hand_no_service_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_ENDING_SECONDS", 0.3)
    with (
        presence.noted(tmp_path, "http://127.0.0.1:1"),
        pytest.raises(UserError, match=r"already running at http://127\.0\.0\.1:1"),
    ):
        Background(tmp_path).keep()
    assert not Background(tmp_path).left()


def test_while_another_command_has_the_home_no_service_starts(tmp_path: Path) -> None:
    with home_lock(tmp_path, silent, session=True), pytest.raises(UserError, match="another streamer"):
        Background(tmp_path).keep()
    assert not Background(tmp_path).left()


def test_where_the_servers_were_stopped_meanwhile_no_service_starts(tmp_path: Path) -> None:
    def stopped() -> bool:
        """Check that no other command can stop or start anything now."""
        with (
            pytest.raises(UserError, match="too long"),
            home_lock(tmp_path, silent, session=False, wait_seconds=0),
        ):
            pass
        return False

    with pytest.raises(UserError, match="were stopped"):
        Background(tmp_path).keep(stopped)
    assert not Background(tmp_path).left()


def test_down_stops_the_service_and_its_servers_under_one_lock(tmp_path: Path) -> None:
    ownership.claim(tmp_path)
    asked = []

    def stop_service() -> bool:
        asked.append(True)
        with (
            pytest.raises(UserError, match="too long"),
            home_lock(tmp_path, silent, session=False, wait_seconds=0),
        ):
            pass
        return True

    assert embedded.down(tmp_path, stop_first=stop_service)
    assert asked and not embedded.down(tmp_path)


def test_a_supervisor_has_longer_to_end_than_its_workers() -> None:
    assert Background.grace_seconds > supervise.STOP_SECONDS
