"""When ``up --all`` starts no service: where another web process has the home, or another command its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import UserError
from streamer.client import presence
from streamer.embedded.home import silent
from streamer.embedded.lock import home_lock
from streamer.runtime import background
from streamer.runtime.background import Background


def test_beside_a_web_process_started_by_hand_no_service_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_ENDING_SECONDS", 0.3)
    with (
        presence.noted(tmp_path, "http://127.0.0.1:1"),
        pytest.raises(UserError, match=r"served already at http://127\.0\.0\.1:1"),
    ):
        Background(tmp_path).keep()
    assert not Background(tmp_path).left()


def test_while_another_command_has_the_home_no_service_starts(tmp_path: Path) -> None:
    with home_lock(tmp_path, silent, session=True), pytest.raises(UserError, match="another streamer"):
        Background(tmp_path).keep()
    assert not Background(tmp_path).left()
