"""Test Health and Data in the console: the results of `doctor`, `lanes`, `status` and `deadletters`, as pages."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest
from browser import CHROMIUM, WHY
from command_line import CommandLine
from console_pages import Visitor, faults
from live_service import LiveService
from web_process import WebProcess, web

from streamer.adapters.import_view import ImportRecord, ImportView
from streamer.adapters.redis_reader import connect
from streamer.config.settings import Settings
from streamer.embedded import ports
from streamer.lanes.trouble import Trouble, _encode
from streamer.sources.import_records import Outgoing
from streamer.web.console.health import checkup

pytestmark = pytest.mark.integration

HOSTILE = "<script>alert(1)</script>"
ORDER = b'{"type":"order.completed","event_id":"e1","order_id":"o1","customer_id":"ann","total":5,"occurred_at":%s}'
BAD = [
    *(Outgoing(b"ann", b"not json", ()) for _ in range(5)),
    Outgoing(HOSTILE.encode(), b'{"type":"order.completd","customer_id":"<b>"}', ()),
    Outgoing(b"ann", ORDER.replace(b"%s", b'"2026-01-01T00:00:00Z"'), ()),
]


@pytest.fixture
def console(service: LiveService, tmp_path: Path) -> Iterator[WebProcess]:
    with web(service.environment, tmp_path / "web") as found:
        yield found


@pytest.fixture
def streamer(console: WebProcess) -> CommandLine:
    return CommandLine(console.home, {k: v for k, v in console.environment.items() if k.startswith("STREAMER_")})


def doctor(streamer: CommandLine) -> list[dict[str, str]]:
    """Return the findings of `doctor`; its exit code 1 does not matter here."""
    findings: list[dict[str, str]] = json.loads(streamer.run("doctor", "--json").stdout)["findings"]
    return findings


def test_pages_say_what_commands_say_before_a_worker_runs_and_after(
    service: LiveService, console: WebProcess, streamer: CommandLine, tmp_path: Path
) -> None:
    visitor = Visitor(console)
    service.publish(BAD)
    # Nobody has looked yet, and a checkup takes seconds: the page is shown at once, and asks again on its own.
    begun = time.monotonic()
    first = visitor.page("/health")
    assert time.monotonic() - begun < 1 and ("Looking at everything" in first or "Needs attention" in first)
    console.until(lambda: "Needs attention" in visitor.text("/health"))
    page_text = visitor.text("/health")
    assert (
        "Needs attention: 1" in page_text
        and "7 waiting, unaccounted 0, 0 workers" in page_text
        and "start one: streamer worker" in page_text
    )

    service.start()
    service.wait_until_applied()
    # A checkup is valid for some seconds, and the web process reads the ledgers every five.
    console.until(lambda: "All is well" in visitor.text("/health") and "6 in all" in visitor.text("/data"))
    page_text = visitor.text("/health")
    for one in doctor(streamer):
        # The clock and the deadline for unsigned records differ between checkups; dead letters have a table.
        if one["subject"] not in ("clock", "control key", "dead letters"):
            assert one["text"] in page_text and (one["hint"] or "").replace("`", "") in page_text, one
    state = streamer.json("status")
    assert state["dead_letters"] == {"not_json": 5, "unknown_type": 1}
    for figure, name in (("consumed", "records taken"), ("workers", "workers"), ("unaccounted", "unaccounted")):
        assert f"{name} {state[figure]:,} " in page_text, name
    for lane in streamer.json("lanes"):
        assert f"{lane['lane']} at offset {lane['offset']:,} {lane['lag']:,}" in page_text

    page = visitor.page("/data")
    counts = {
        found[1]: int(found[2])
        for found in re.finditer(r'"reason" id="(\w+)">.*?<b class="n">(\d+)</b>', page, re.DOTALL)
    }
    assert {name: counts[name] for name in state["dead_letters"]} == state["dead_letters"]
    for letter in streamer.json("deadletters", "list")["dead_letters"][-1:]:
        assert f"streamer deadletters show {letter['place']}" in page and escape(letter["message"]) in page
    assert escape(HOSTILE) in page and HOSTILE not in page
    assert "Nothing has been imported yet" in page and "--check" in page

    # A stopped lane, and an import in progress; both texts were written by others.
    why = f"it {HOSTILE} does not get on"
    service._redis.set(service.keys(0).trouble, _encode(Trouble(3, 3, why, "`streamer lanes skip 0:3`", 1)))
    view = ImportView(connect(service.environment["STREAMER_REDIS"]), f"{service.prefix}.streamer", 2)
    view.remember(ImportRecord("one", "hash", f"orders {HOSTILE}.csv", 1_790_000_000_000, starts={0: 0, 1: 0}))
    console.until(
        lambda: "Needs attention" in visitor.text("/health") and f"orders {HOSTILE}.csv" in visitor.text("/data")
    )
    page_text = visitor.text("/health")
    [stopped] = [one for one in doctor(streamer) if one["subject"] == "lanes"]
    assert stopped["text"].replace("`", "") in page_text and "streamer lanes resume 0" in page_text
    assert "7 of 7 records" in visitor.text("/data")
    for language in ("en", "zh"):
        assert HOSTILE not in visitor.page("/health", language) + visitor.page("/data", language)
    if CHROMIUM is None:
        pytest.skip(WHY)
    others = ["/", "/segments", "/segments/lifecycle/new", "/customers", "/customers/ann", "/plays", "/models"]
    assert asyncio.run(faults(console, ["/health", "/data", *others], tmp_path)) == []


def test_a_checkup_without_redis_says_so_and_looks_at_the_rest(
    service: LiveService, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = ports.choose(1)
    for name, value in service.environment.items():
        if name.startswith("STREAMER_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("STREAMER_REDIS", f"redis://127.0.0.1:{port}/0")
    found = checkup(Settings.load())
    page_text = {one.subject: one for one in found.findings}
    assert (
        page_text["Redis"].wrong
        and "STREAMER_REDIS" in (page_text["Redis"].hint or "")
        and page_text["Kafka"].hint is None
    )
    assert (found.state, found.lanes) == ({}, [])
