"""Pictures of the console's pages from a live run:  ``make pictures`` (needs Chromium; takes some minutes).

It starts the service by the commands of docker-compose.yml on embedded servers, with plays and a simulated shop, and
photographs every page wide in English and light, and narrow in Chinese and dark, into ``docs/pictures/console``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from browser import CHROMIUM, WHY, Tab, tab
from ruamel.yaml import YAML

from grafana.acting import act
from grafana.live import ROOT, Stack
from grafana.tools import find
from streamer.embedded import running
from streamer.embedded.ports import choose
from streamer.web.console.sessions import Sessions

PICTURES: Final = ROOT / "docs" / "pictures" / "console"
_SHOP: Final = ("--customers", "1500", "--days", "150", "--rate", "30", "--broken", "0.002", "--late", "0.005")
_LIVE_SECONDS: Final = 45.0
_CUSTOMER: Final = "document.querySelector('main a[href^=\"/customers/\"]').getAttribute('href')"
PAGES: Final = {
    "overview": "/",
    "segments": "/segments",
    "segment": "/segments/lifecycle/at_risk",
    "customers": "/customers",
    "plays": "/plays",
    "play": "/plays/thanks",
    "models": "/models",
    "data": "/data",
    "health": "/health",
}
LOOKS: Final = ((1280, "en", "light"), (360, "zh", "dark"))


def main() -> None:
    """Run, photograph, write."""
    if CHROMIUM is None:
        sys.exit(WHY)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="streamer-console-") as name:
        folder = Path(name)
        port = choose(1)[0]
        with running(folder / "servers", progress=print) as servers:
            environment = {
                "STREAMER_KAFKA": servers.addresses.kafka,
                "STREAMER_REDIS": servers.addresses.redis,
                "STREAMER_LANES": "4",
                "STREAMER_HOME": str(folder / "home"),
                "STREAMER_WEB_HOST": "127.0.0.1",
                "STREAMER_WEB_PORT": str(port),
            }
            compose = YAML(typ="safe").load(ROOT / "docker-compose.yml")
            stack = Stack(compose, environment, folder, find("prometheus"))
            try:
                _live(stack)
                asyncio.run(_photograph(f"http://127.0.0.1:{port}", folder))
            finally:
                stack.close()


def _live(stack: Stack) -> None:
    """Start all, and let the shop live for a while."""
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
    print(f"the shop lives for {_LIVE_SECONDS:g} s")
    time.sleep(_LIVE_SECONDS)


async def _photograph(base: str, folder: Path) -> None:
    async with tab(folder) as page:
        await page.open(f"{base}/enter?once={Sessions(folder / 'home').link()}&to=/")
        await page.until("location.pathname == '/' && document.readyState == 'complete'", 30)
        await page.open(f"{base}/segments/lifecycle/at_risk")
        customer = await page.run(_CUSTOMER)
        for width, language, scheme in LOOKS:
            await page.size(width, 800)
            for name, path in {**PAGES, "customer": customer}.items():
                await page.open(f"{base}{path}?lang={language}&scheme={scheme}")
                await _settled(page)
                file = PICTURES / f"{name}-{width}-{language}.png"
                await page.picture(file)
                print(f"wrote {file.relative_to(ROOT)}")


async def _settled(page: Tab) -> None:
    """Wait until what the page fetches after it was loaded is there."""
    await page.until("document.querySelector('.htmx-request') === null", 30)
    await asyncio.sleep(0.3)


if __name__ == "__main__":
    main()
