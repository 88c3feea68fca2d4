"""Take pictures of the console's pages from a live run: ``make pictures`` (needs Chromium; takes some minutes).

Starts the service by the commands of docker-compose.yml on embedded servers, with plays and a simulated shop, and
photographs every page wide in English and light, and narrow in Chinese and dark, to ``docs/pictures/console``. With
``--every-look FOLDER``, all eight looks of every page are written to that folder instead, for people who change a page.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from browser import CHROMIUM, WHY, Tab, tab
from console_pages import LOOKS, Visitor
from ruamel.yaml import YAML
from small_picture import photograph

from grafana.acting import act
from grafana.live import ROOT, Stack
from grafana.tools import find
from streamer.embedded import running
from streamer.embedded.ports import choose
from streamer.web.console.sessions import Sessions

PICTURES: Final = ROOT / "docs" / "pictures" / "console"
KEPT: Final = ((1280, "en", "light"), (360, "zh", "dark"))
PAGES: Final = {
    "overview": "/",
    "segments": "/segments",
    "segment": "/segments/lifecycle/at_risk",
    "builder": "/segments/edit?of=lifecycle",
    "ahead": "/ahead?by=lifecycle&before=loyal&after=at_risk",
    "customers": "/customers?query=c0001",
    "plays": "/plays",
    "play": "/plays/thanks",
    "models": "/models",
    "data": "/data",
    "health": "/health",
}
_SHOP: Final = ("--customers", "1500", "--days", "150", "--rate", "30", "--broken", "0.002", "--late", "0.005")
_LIVE_SECONDS: Final = 45.0
_HIGH: Final = 800
_TALLEST: Final = 2400
"""Height at which pictures of long pages end (px)."""
_CUSTOMER: Final = "document.querySelector('#members a[href^=\"/customers/\"]').getAttribute('href')"
_ORDERS: Final = "order_id,email,date,total\n" + "".join(
    f"A{1000 + n},customer{n % 23}@example.org,2026-0{1 + n % 9}-{1 + n % 27:02d} 1{n % 9}:20,{19 + n % 60}.90\n"
    for n in range(240)
)
_WIDEN: Final = """
(() => {
  const value = document.querySelector('[name="r3.t0.value"]'), exit = document.querySelector('[name="r3.t0.exit"]');
  value.value = "1.4"; exit.value = "1.2";
  document.querySelector('[name="do"][value="preview"]').click();
})()"""


@dataclass(frozen=True)
class Console:
    """The web process's address and home."""

    port: int
    home: Path


def main() -> None:
    """Run, photograph, write."""
    parser = argparse.ArgumentParser(prog="python -m console_pictures", description=__doc__)
    parser.add_argument("--every-look", type=Path, metavar="FOLDER", help="all eight looks of every page, into FOLDER")
    every: Path | None = parser.parse_args().every_look
    if CHROMIUM is None:
        sys.exit(WHY)
    with tempfile.TemporaryDirectory(prefix="streamer-console-") as name:
        folder = Path(name)
        console = Console(choose(1)[0], folder / "home")
        with running(folder / "servers", progress=print) as servers:
            environment = {
                "STREAMER_KAFKA": servers.addresses.kafka,
                "STREAMER_REDIS": servers.addresses.redis,
                "STREAMER_LANES": "4",
                "STREAMER_HOME": str(console.home),
                "STREAMER_WEB_HOST": "127.0.0.1",
                "STREAMER_WEB_PORT": str(console.port),
            }
            stack = Stack(compose(), environment, folder, find("prometheus"))
            try:
                live(stack)
                asyncio.run(pictures(console, folder, KEPT if every is None else LOOKS, every or PICTURES))
            finally:
                stack.close()


def compose() -> dict[str, dict[str, dict[str, object]]]:
    """Return the services of docker-compose.yml."""
    found: dict[str, dict[str, dict[str, object]]] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return found


def live(stack: Stack, seconds: float = _LIVE_SECONDS) -> None:
    """Start everything, and let the shop run for a while."""
    for service in ("keys", "topics"):
        if stack.run(service).wait(60) != 0:
            raise RuntimeError(stack.logs())
    for service in ("worker", "owner"):
        stack.run(service)
    stack.wait(stack.ready, 90, "workers have their lanes")
    stack.run("web")
    stack.run("shop", *_SHOP)
    log = next(stack.folder.glob("shop-*.log"))
    stack.wait(lambda: "live at" in log.read_text(), 300, "customers act live")
    act(stack)
    print(f"the shop lives for {seconds:g} s")
    time.sleep(seconds)


async def pictures(console: Console, folder: Path, looks: Sequence[tuple[int, str, str]], to: Path) -> None:
    """Photograph every page in these looks."""
    base = f"http://127.0.0.1:{console.port}"
    to.mkdir(parents=True, exist_ok=True)
    upload = await asyncio.to_thread(lambda: Visitor(console).upload(_ORDERS.encode(), "orders.csv").url)
    async with tab(folder) as page:
        await page.open(f"{base}/enter?once={Sessions(console.home).link()}&to=/")
        await page.until("location.pathname == '/' && document.readyState == 'complete'", 30)
        await page.open(f"{base}{PAGES['segment']}")
        customer = await page.run(_CUSTOMER)
        await page.open(f"{base}{upload}")
        await page.until("document.querySelector('dl.figures') !== null", 60)
        for width, language, scheme in looks:
            await page.size(width, _HIGH)
            for name, path in {**PAGES, "customer": customer, "upload": upload}.items():
                await page.open(f"{base}{path}{'&' if '?' in path else '?'}lang={language}&scheme={scheme}")
                if name == "builder":
                    await page.run(_WIDEN)
                    await page.until("document.getElementById('seen') !== null", 30)
                await _settled(page)
                more = "" if looks is KEPT else f"-{scheme}"
                file = to / f"{name}-{width}-{language}{more}.png"
                await photograph(page, file, _TALLEST)
                print(f"wrote {file}")


async def _settled(page: Tab) -> None:
    """Wait until everything that the page fetches after loading has arrived."""
    await page.until("document.querySelector('.htmx-request, [hx-trigger^=load]') === null", 30)
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    main()
