"""Measure the console at full size in Chromium: ``make console-full`` (needs Chromium; takes some minutes).

A service takes the orders of 100,000 customers over 60 days; the first page is opened again and again without a cache,
then watched while moves come. Goals: at most 120 kB, of these 40 kB of script; first paint within 0.5 s and all of it
within 1 s; a move on the page 1 s after its commit at the latest (p99; here from the time at which the lane wrote it,
which is earlier); 2 % of a core while watching, for the page and for the server. Prints one JSON object, and ends with
1 where a goal is missed. Of a move's way it also prints the parts: from the acknowledgement of the event to the lane's
writing (`lane`), from there to any reader of the topic (`commit`), and from that reader to the page (`web`).

With ``--folder`` the service is kept there: filling takes most of the time, and the next run goes on where one was ended;
later ones only measure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import psutil
from browser import CHROMIUM, WHY, Tab, tab
from live_service import LiveService
from web_process import LATEST, WebProcess, web

from models.features.time import DAY_MS
from schemas import topics
from schemas.records import LogRecord
from schemas.wire_time import iso
from streamer.adapters.client import sender
from streamer.client import change_reader
from streamer.embedded import running
from streamer.sources.import_records import Outgoing
from streamer.web.console.sessions import Sessions

GOALS: Final = {
    "page_kb": 120.0,
    "script_kb": 40.0,
    "first_paint_s": 0.5,
    "shown_s": 1.0,
    "move_p99_s": 1.0,
    "watching_page_share": 0.02,
    "watching_server_share": 0.02,
}
_LANES: Final = 2
_DAYS: Final = 60
_OPENED: Final = 9
_WATCH_SECONDS: Final = 20.0
_EVERY_SECONDS: Final = 0.5
"""Seconds between two watched moves."""
_TIMES: Final = """
(() => {
  const shown = performance.getEntriesByType("navigation")[0], all = performance.getEntriesByType("resource");
  const paint = performance.getEntriesByType("paint").find(one => one.name === "first-contentful-paint");
  const size = those => those.reduce((sum, one) => sum + one.transferSize, 0);
  return {
    page_kb: (shown.transferSize + size(all)) / 1000,
    script_kb: size(all.filter(one => one.initiatorType === "script")) / 1000,
    first_paint_s: paint.startTime / 1000,
    shown_s: shown.loadEventEnd / 1000,
    answer_s: shown.responseEnd / 1000,
    html_kb: shown.encodedBodySize / 1000,
  };
})()"""
_NOTE: Final = """
window.seen = {};
new MutationObserver(changed => changed.forEach(one => one.addedNodes.forEach(
  line => { window.seen[line.querySelector(".who").textContent.trim()] ??= Date.now(); }))).observe(
  document.getElementById("moves"), {childList: true})"""


def main() -> None:
    """Import, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m console_full", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep the service here, for the next run to go on with")
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit(WHY)
    kept: Path | None = options.folder
    with tempfile.TemporaryDirectory(prefix="streamer-full-") as name:
        folder = Path(name) if kept is None else kept
        folder.mkdir(exist_ok=True)
        with running(folder / "servers", persistent_redis=kept is not None, progress=print) as servers:
            service = LiveService(
                servers.addresses, f"{servers.addresses.redis}/1", "full", folder, lanes=_LANES, STREAMER_CLOCK="event"
            )
            with service:
                _fill(service, options.customers, folder / "published")
                with web(service.environment, folder / "home") as console:
                    console.until(lambda: console.answers("/readyz"), 300)
                    _counted(console)
                    found = asyncio.run(_measure(service, console, folder))
    figures = {"customers": options.customers, **found, "load": os.getloadavg()[0]}
    missed = [name for name, goal in GOALS.items() if figures[name] > goal]
    print(json.dumps({**{name: _short(value) for name, value in figures.items()}, "missed": missed}))
    sys.exit(bool(missed))


def _short(value: float) -> float:
    return round(value, 4)


def _fill(service: LiveService, customers: int, published: Path) -> None:
    begun = time.monotonic()
    for _ in range(_LANES):
        service.start()
    if not published.exists():
        service.publish(_orders(customers))
        published.touch()
    service.wait_until_applied(1800)
    took = time.monotonic() - begun
    print(f"{customers:,} customers after {took:.0f} s; {_busiest()}", flush=True)


def _busiest() -> str:
    """Seconds of CPU of all processes that were started here, by name: where the time of filling went."""
    found = [(sum(one.cpu_times()[:2]), one.name()) for one in [psutil.Process(), *psutil.Process().children(True)]]
    return ", ".join(f"{name} {used:.0f} s of CPU" for used, name in sorted(found, reverse=True) if used >= 1)


def _orders(customers: int) -> Iterator[Outgoing]:
    """Yield one or two orders of each customer within the days, in time order."""
    random = Random(5)
    times = [
        (LATEST - random.randrange(_DAYS * DAY_MS), f"c{number:06}")
        for number in range(customers)
        for _ in range(random.choice((1, 1, 1, 2)))
    ]
    for number, (at, customer) in enumerate(sorted(times)):
        yield Outgoing(customer.encode(), _order(f"full-{number}", customer, at, random.lognormvariate(4, 1)), ())


def _counted(console: WebProcess) -> None:
    """Wait until the first count of all customers is complete, so that pages show its figures."""
    from console_pages import Visitor

    visitor = Visitor(console)
    console.until(lambda: "Money by segment" in (page := visitor.text("/")) and "are being counted" not in page, 600)


async def _measure(service: LiveService, console: WebProcess, folder: Path) -> dict[str, float]:
    base = f"http://127.0.0.1:{console.port}"
    async with tab(folder) as page:
        await page.call("Network.setCacheDisabled", cacheDisabled=True)
        await page.open(f"{base}/enter?once={Sessions(console.home).link()}")
        await page.until("location.pathname == '/' && document.readyState == 'complete'", 60)
        times = []
        for _ in range(_OPENED):
            await page.open(f"{base}/")
            await page.until("performance.getEntriesByType('paint').length > 0", 30)
            times.append(await page.run(_TIMES))
        opened = {name: statistics.median(one[name] for one in times) for name in times[0]}
        worst = {f"{name}_worst": max(one[name] for one in times) for name in ("first_paint_s", "shown_s")}
        return {**opened, **worst, **await _watched(service, console, page)}


async def _watched(service: LiveService, console: WebProcess, page: Tab) -> dict[str, float]:
    """Send moves one by one, and measure how long each takes to the page and its cost for page and server."""
    assert console.process is not None
    server, mine = psutil.Process(console.process.pid), _renderers()
    await page.run(_NOTE)
    sent: dict[str, float] = {}
    read: dict[str, tuple[float, float]] = {}
    reading = asyncio.ensure_future(_read(service, read))
    await asyncio.sleep(1)
    before, used, begun = _used(mine), _used([server]), time.monotonic()
    while time.monotonic() - begun < _WATCH_SECONDS:
        id = f"watched-{len(sent)}"
        await asyncio.to_thread(_send, service, id, LATEST + len(sent) * 1000)
        sent[id] = time.time()
        await asyncio.sleep(_EVERY_SECONDS)
    passed = time.monotonic() - begun
    shares = {
        "watching_page_share": (_used(mine) - before) / passed,
        "watching_server_share": (_used([server]) - used) / passed,
    }
    await page.until(f"'watched-{len(sent) - 1}' in window.seen", 30)
    seen: dict[str, float] = await page.run("window.seen")
    reading.cancel()
    parts: dict[str, list[float]] = {"move": [], "lane": [], "commit": [], "web": []}
    for id, at in sent.items():
        written, found = read[id]
        shown = seen[id] / 1000
        ways = {"move": shown - written, "lane": written - at, "commit": found - written, "web": shown - found}
        for name, took in ways.items():
            parts[name].append(took)
    return {**shares, "moves": len(sent), **{key: value for name in parts for key, value in _spread(name, parts[name])}}


def _spread(name: str, found: list[float]) -> Iterator[tuple[str, float]]:
    ordered = sorted(found)
    yield f"{name}_p50_s", ordered[len(ordered) // 2]
    yield f"{name}_p99_s", ordered[int(len(ordered) * 0.99)]


async def _read(service: LiveService, found: dict[str, tuple[float, float]]) -> None:
    """When the lane wrote each customer's first change, and when a reader of committed changes had it."""

    def take(records: Iterable[LogRecord]) -> None:
        for record in records:
            found.setdefault((record.key or b"").decode(), (record.timestamp / 1000, time.time()))

    ends = await change_reader.ends(service.connection, topics.CHANGES, _LANES)
    await change_reader.follow(service.connection, ends, take, lambda: False)


def _renderers() -> list[psutil.Process]:
    """Return the processes of our browser that lay out pages and run their scripts."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if "--type=renderer" in one.cmdline()]


def _used(processes: list[psutil.Process]) -> float:
    """Return the seconds of CPU that processes have used."""
    return sum(sum(one.cpu_times()[:2]) for one in processes)


def _send(service: LiveService, customer: str, at: int) -> None:
    with sender(service.connection, topics.EVENTS, _LANES) as send:
        send.send(customer.encode(), _order(customer, customer, at, 70.0))


def _order(id: str, customer: str, at: int, total: float) -> bytes:
    event = {
        "event_id": id,
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": iso(at),
        "order_id": id,
        "total": round(total, 2),
        "currency": "EUR",
    }
    return json.dumps(event).encode()


if __name__ == "__main__":
    main()
