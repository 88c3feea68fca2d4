"""Measure the console at full size in Chromium: ``make console-full`` (needs Chromium; takes some minutes).

A service takes the orders of 100,000 customers over 60 days; the first page is opened again and again without a cache,
then watched while moves come. Goals: at most 120 kB, of these 40 kB of script; first paint within 0.5 s and all of it
within 1 s; a move on the page 1 s after its commit at the latest (p99; here from the acknowledgement of its event,
which is earlier); 2 % of a core while watching, for the page and for the server. Prints one JSON object, and ends with
1 where a goal is missed.
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
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import psutil
from browser import CHROMIUM, WHY, Tab, tab
from live_service import LiveService
from web_process import LATEST, WebProcess, web

from models.features.time import DAY_MS
from schemas import topics
from schemas.wire_time import iso
from streamer.adapters.client import sender
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
new MutationObserver(() => document.querySelectorAll("#moves .who").forEach(
  one => { window.seen[one.textContent.trim()] ??= Date.now(); })).observe(
  document.getElementById("moves"), {childList: true})"""


def main() -> None:
    """Import, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m console_full", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit(WHY)
    with tempfile.TemporaryDirectory(prefix="streamer-full-") as name:
        folder = Path(name)
        with running(folder / "servers", persistent_redis=False, progress=print) as servers:
            service = LiveService(
                servers.addresses, f"{servers.addresses.redis}/1", "full", folder, lanes=_LANES, STREAMER_CLOCK="event"
            )
            with service:
                _import(service, options.customers)
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


def _import(service: LiveService, customers: int) -> None:
    begun = time.monotonic()
    for _ in range(_LANES):
        service.start()
    service.publish(_orders(customers))
    service.wait_until_applied(1800)
    print(f"{customers:,} customers after {time.monotonic() - begun:.0f} s", flush=True)


def _orders(customers: int) -> Iterator[Outgoing]:
    """Yield one to three orders of each customer within the days, in time order."""
    random = Random(5)
    times = [
        (LATEST - random.randrange(_DAYS * DAY_MS), f"c{number:06}")
        for number in range(customers)
        for _ in range(random.choice((1, 1, 2, 3)))
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
    late = sorted(seen[id] / 1000 - at for id, at in sent.items())
    return {**shares, "moves": len(late), "move_p50_s": late[len(late) // 2], "move_p99_s": late[int(len(late) * 0.99)]}


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
