"""Test ``up --all``: the whole service in the background, one process per role, until ``down``."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from command_line import CommandLine

from streamer import embedded
from streamer.client import presence
from streamer.embedded.processes import command_line
from streamer.runtime.background import Background
from streamer.runtime.roles import ROLES

pytestmark = pytest.mark.integration


@pytest.fixture
def streamer(tmp_path: Path) -> Iterator[CommandLine]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ports = {f"STREAMER_{role}METRICS_PORT": "0" for role in ("", "OWNER_", "ACT_", "WEB_")}
    found = CommandLine(
        tmp_path,
        {"STREAMER_HOME": str(tmp_path), "STREAMER_LANES": "2", "STREAMER_WEB_PORT": str(port), **ports},
    )
    yield found
    found.run("down")


def enters(link: str) -> bool:
    """Return whether a console link opens a session in which the first page is shown."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    browser.open(link, timeout=30).close()
    with browser.open(link.partition("/enter")[0], timeout=30) as page:
        return bool(jar) and page.status == 200 and b"/segments" in page.read()


def until(true: Callable[[], Any], seconds: float = 90.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return found


def roles_of(home: Path) -> dict[str, int]:
    """Return role and process id of each worker process of a home."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        arguments = command_line(int(folder.name)).split("\0")
        try:
            ours = f"STREAMER_HOME={home}".encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if ours and "streamer.runtime.process" in arguments:
            found[arguments[arguments.index("streamer.runtime.process") + 1]] = int(folder.name)
    return found


def test_the_service_runs_until_down_and_starts_again(streamer: CommandLine, tmp_path: Path) -> None:
    for run in range(2):
        started = streamer.json("up", "--all")
        assert roles_of(tmp_path).keys() == ROLES.keys()
        assert enters(started["console"])
        if run == 0:
            assert streamer.run("publish", "order", "--customer", "ann", "--total", "59.90").exit_code == 0

        def state() -> Any:
            return json.loads(streamer.run("status", "--json").stdout)

        found = until(lambda: (now := state())["workers"] and now["act"] and now["customers"] and now)
        assert (
            found["service"]["pid"] == started["service_pid"]
            and found["web"] == started["console"].partition("/enter")[0]
        )
        findings = {
            one["subject"]: one["text"] for one in json.loads(streamer.run("doctor", "--json").stdout)["findings"]
        }
        assert findings["act"] == "1 running" and findings["web"] == f"at {found['web']}"
        again = streamer.json("up", "--all")
        assert again["service_pid"] == started["service_pid"], "what runs is left alone"

        assert streamer.run("down").exit_code == 0
        assert roles_of(tmp_path) == {} and presence.url_of(tmp_path) is None
        assert not Background(tmp_path).left()


@pytest.mark.parametrize("moment", ["the servers answer", "the service starts"])
def test_down_while_up_is_at_work_leaves_nothing_without_its_servers(
    streamer: CommandLine, tmp_path: Path, moment: str
) -> None:
    """Whichever is first, in the end either everything runs or nothing."""
    with streamer.running("up", "--all") as (starting, _):
        if moment == "the servers answer":
            until(lambda: starting.poll() is not None or embedded.status(tmp_path).addresses is not None)
        else:
            until(lambda: starting.poll() is not None or Background(tmp_path).left())
        assert streamer.run("down").exit_code == 0
        starting.wait(timeout=120)
    if starting.returncode == 0 and roles_of(tmp_path):
        assert roles_of(tmp_path).keys() == ROLES.keys() and embedded.status(tmp_path).addresses is not None
    else:
        assert roles_of(tmp_path) == {} and not Background(tmp_path).left()


def test_what_ends_is_started_again(streamer: CommandLine, tmp_path: Path) -> None:
    started = streamer.json("up", "--all")
    before = roles_of(tmp_path)
    os.kill(before["act"], signal.SIGKILL)
    until(lambda: roles_of(tmp_path).get("act", before["act"]) != before["act"])
    assert all(roles_of(tmp_path)[role] == before[role] for role in ("lanes", "owner", "web"))
    os.kill(started["service_pid"], signal.SIGKILL)
    until(lambda: (now := roles_of(tmp_path)).keys() == ROLES.keys() and not {*now.values()} & {*before.values()})
    until(lambda: presence.url_of(tmp_path))
    assert Background(tmp_path).alone()
