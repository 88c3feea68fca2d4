"""Test the builder on a real service: its preview matches its activation, and everything works by keyboard in Chromium."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from browser import CHROMIUM, WHY, Tab, tab
from command_line import CommandLine
from console_pages import Visitor, faults
from live_service import LiveService
from web_process import WebProcess, imported_shop

from models.rules.draft import Comparison, Draft, Row
from models.rules.draft_reading import draft_of
from schemas.errors import UserError
from streamer.client.activation import publish
from streamer.embedded import Services
from streamer.web.console.sessions import Sessions

pytestmark = pytest.mark.integration

PATH = "/segments/edit"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=WHY)


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> Iterator[LiveService]:
    with imported_shop(services.addresses, 12, folder, "builder", customers=120) as running:
        yield running


@pytest.fixture(scope="module")
def console(api: WebProcess) -> WebProcess:
    return api


def form(page: str) -> dict[str, str]:
    """Return the builder's hidden fields that do not belong to the draft."""
    found = {name: re.search(rf'name="{name}" value="(\w*)"', page) for name in ("base", "before", "kind")}
    return {name: one[1] for name, one in found.items() if one is not None}


def sizes(streamer: CommandLine, by: str) -> dict[str, int]:
    return {one["id"]: one["size"] for one in streamer.json("segments", "list")[by]["segments"]}


def test_the_preview_is_what_activation_does(
    service: LiveService, console: WebProcess, streamer: CommandLine, tmp_path: Path
) -> None:
    visitor = Visitor(console)
    for path in (PATH, f"{PATH}?of=value"):
        assert console.get(path, token=None).status == 401
    assert console.ask("POST", PATH, b"do=activate", token=None).status == 401
    assert visitor.send(f"{PATH}?of=value", {"do": "activate"}, csrf="made-up").status == 403
    assert visitor.status(f"{PATH}?of=behaviour") == 404

    begun = {**form(visitor.page(f"{PATH}?new=rules")), "name": "worth", "dwell_days": "0", "active": "yes"}
    rows = {
        "r0.name": "Best",
        "r0.meaning": "many orders",
        "r0.t0.feature": "orders",
        "r0.t0.op": ">=",
        "r0.t0.value": "x",
        "r1.name": "Others",
    }
    csrf = visitor.csrf(f"{PATH}?new=rules")
    wrong = visitor.send(PATH, {**begun, **rows, "do": "preview"}, csrf=csrf).page
    assert 'id="fault-r0.t0.value">a number is missing' in wrong and "Activate as version" not in wrong
    rows["r0.t0.value"] = "3"
    unseen = visitor.send(PATH, {**begun, **rows, "do": "activate", "sure": "yes"}, csrf=csrf).page
    assert "Look at who would move" in unseen, "nobody had looked at this file"
    seen = visitor.send(PATH, {**begun, **rows, "do": "preview"}, csrf=csrf).page
    file = unescape(re.search(r'name="text" value="([^"]*)"', seen)[1])  # type: ignore[index]
    assert draft_of(file, "worth") == Draft(
        "worth",
        "rules",
        (Row("Best", "best", "many orders", tests=(Comparison("orders", ">=", "3"),)), Row("Others", "others")),
    )
    sent = visitor.send(PATH, {"do": "file", "text": file.replace("\n", "\r\n")}, csrf=csrf)
    assert sent.page == file
    (tmp_path / "segments.toml").write_text(file)
    told = streamer.json("segments", "preview", str(tmp_path / "segments.toml"))["segmentations"]["worth"]["segments"]
    shown = dict(
        re.findall(r"<div>(Best|Others)</div>.*?<td class=\"n\">\d+</td><td class=\"n\">(\d+)</td>", seen, re.DOTALL)
    )
    assert {name.lower(): int(count) for name, count in shown.items()} == {id: one["then"] for id, one in told.items()}
    named = re.findall(r'href="/customers/([^"]+)"', seen)
    assert len(named) == min(10, told["best"]["then"]) + min(10, told["others"]["then"])

    assert "tick the box" in visitor.send(PATH, {**begun, **rows, "do": "activate"}, csrf=csrf).page
    assert streamer.json("segments", "history")["newest"]["lanes"] and "worth" not in streamer.json("segments", "list")
    done = visitor.send(PATH, {**begun, **rows, "do": "activate", "sure": "yes"}, csrf=csrf)
    assert done.url.startswith("/segments?note=activated") and "Published." in done.page
    console.until(lambda: sizes(streamer, "worth") == {id: one["then"] for id, one in told.items()})
    members = streamer.json("segments", "members", "worth/best")
    assert set(named[: min(10, told["best"]["then"])]) <= {one["id"] for one in members}
    console.until(lambda: "/segments/worth/best" in visitor.page("/segments"))
    again = visitor.send(PATH, {**begun, **rows, "name": "another", "do": "preview"}, csrf=csrf).page
    assert "version 2 came into force in the meantime" in again
    # After the fence, where two simultaneous activations meet.
    with pytest.raises(UserError, match="version 2 was published in the meantime"):
        asyncio.run(publish(service.connection, 2, file, "late", 1, after=1))
    history = streamer.json("segments", "history")["versions"]
    assert history[-1]["changed"] == {"worth": "begins"}


@needs_chromium
def test_a_segment_is_added_by_keyboard_and_the_pages_are_whole(console: WebProcess, tmp_path: Path) -> None:
    paths = ["/segments", f"{PATH}?of=lifecycle", f"{PATH}?of=value", f"{PATH}?of=hybrid", f"{PATH}?new=rules"]
    assert asyncio.run(faults(console, paths, tmp_path / "look")) == []

    async def build() -> tuple[str, list[str]]:
        async with tab(tmp_path) as page:
            to = f"http://127.0.0.1:{console.port}"
            await page.open(f"{to}/enter?once={Sessions(console.home).link()}&to=/segments")
            await page.until("location.pathname == '/segments' && document.readyState == 'complete'")
            await page.open(f"{to}{PATH}?of=value")
            await page.run("window.stays = 1")
            await press(page, '[name="do"][value="add"]')
            await page.until("document.getElementById('r4.name') !== null")
            await write(page, "r4.name", "VIP")
            await press(page, '[name="do"][value="preview"]')
            await page.until("document.getElementById('fault-r4.enter') !== null")
            await write(page, "r4.enter", "5000")
            await press(page, '[name="do"][value="preview"]')
            await page.until("document.getElementById('seen') !== null", 30)
            assert await page.run("window.stays") == 1, "the page was loaded anew"
            text = await page.run("document.querySelector('pre.file').textContent")
            await press(page, "#sure", " ")
            await press(page, '[name="do"][value="activate"]')
            await page.until("location.search.includes('activated')", 30)
            return str(text), page.complaints

    text, complaints = asyncio.run(build())
    assert '{ segment = "vip", from = 5000 }' in text and complaints == []


_STILL = "document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added') === null"


async def press(page: Tab, selector: str, key: str = "\r") -> None:
    await page.until(_STILL)
    await page.run(f"document.querySelector('{selector}').focus()")
    for kind in ("keyDown", "keyUp"):
        named = "Enter" if key == "\r" else key
        await page.call("Input.dispatchKeyEvent", type=kind, key=named, text=key, windowsVirtualKeyCode=ord(key))


async def write(page: Tab, id: str, text: str) -> None:
    await page.until(_STILL)
    await page.run(f"document.getElementById('{id}').focus()")
    await page.type(text)
