"""Test links and sessions, vendored files, and a page's own address, without servers."""

from __future__ import annotations

import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamer.client.home_pass import FOLDER
from streamer.config.settings import Settings
from streamer.web.console import sessions
from streamer.web.console.sessions import LINK_SECONDS, SESSION_SECONDS, Sessions, console_url, is_served

STATIC = Path(sessions.__file__).parent / "static"


def test_a_link_is_good_once_however_many_try(tmp_path: Path) -> None:
    secret = Sessions(tmp_path).link()
    with ThreadPoolExecutor(8) as threads:
        cookies = list(threads.map(lambda _: Sessions(tmp_path).redeem(secret), range(40)))
    assert sum(cookie is not None for cookie in cookies) == 1
    assert Sessions(tmp_path).redeem("made up") is None


def test_a_session_outlives_a_restart_and_ends_with_its_key(tmp_path: Path) -> None:
    cookie = Sessions(tmp_path).redeem(Sessions(tmp_path).link())
    assert cookie is not None
    found = Sessions(tmp_path).of(cookie)
    assert found is not None and found == Sessions(tmp_path).of(cookie)
    for forged in (
        None,
        "",
        "..",
        "1.a.b",
        cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        "9" + cookie,
        "ü" + cookie,
    ):
        assert Sessions(tmp_path).of(forged) is None
    assert Sessions(tmp_path, lambda: 4e9).of(cookie) is None, "older than a month"
    (tmp_path / FOLDER / "key").unlink()
    assert Sessions(tmp_path).of(cookie) is None


def test_links_and_key_are_for_their_owner_only_and_do_not_last(tmp_path: Path) -> None:
    now = 1e9
    made = Sessions(tmp_path, lambda: now)
    secret = made.link()
    made.redeem(made.link())
    held = [one for one in (tmp_path / FOLDER).rglob("*") if one.is_file()]
    assert len(held) == 2 and all(one.stat().st_mode & 0o077 == 0 for one in held)
    assert not any(secret in one.name or secret.encode() in one.read_bytes() for one in held)
    now += LINK_SECONDS + 1
    assert made.redeem(secret) is None
    assert LINK_SECONDS < SESSION_SECONDS


TESTS = Path(__file__).parents[3] / "support"


@pytest.mark.parametrize("folder", [STATIC, TESTS], ids=["console", "tests"])
def test_vendored_files_are_those_of_the_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "vendor" / "manifest.json").read_text())
    there = {one.name for one in (folder / "vendor").iterdir() if one.suffix == ".js"}
    assert there == manifest.keys()
    for name, one in manifest.items():
        assert hashlib.sha256((folder / "vendor" / name).read_bytes()).hexdigest() == one["sha256"]
        assert one["version"] and one["licence"]
        assert (folder / "vendor" / f"{name.partition('.')[0]}.LICENSE").read_text()


def test_the_address_of_the_console_holds_a_link_that_works(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings = Settings(home=tmp_path, web_host="0.0.0.0", web_port=free.getsockname()[1])
    start, _, secret = console_url(settings).partition("?once=")
    assert start == f"http://127.0.0.1:{settings.web_port}/enter"
    assert Sessions(tmp_path).redeem(secret) is not None
    assert not is_served(settings)
