"""Test Segment's own libraries with the collector: each of their calls is applied once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from live_service import LiveService
from web_process import WebProcess

from schemas import topics
from streamer.embedded import Services

pytestmark = pytest.mark.integration

NODE_LIBRARY = "@segment/analytics-node@3.1.0"
BROWSER_LIBRARY = "@segment/analytics-next@1.84.3"
CALLS = 7


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> LiveService:
    """Its topics and addresses; no worker runs."""
    return LiveService(services.addresses, services.addresses.redis, "libraries", folder, lanes=2)


@pytest.fixture(scope="module")
def server(api: WebProcess) -> str:
    return api.tokens.create("server", ["write"], "2026-01-01T00:00:00Z")


def installed(folder: Path, package: str) -> Path:
    """Install an npm package with its dependencies. Skips the test, with a warning, if that is impossible."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node or npm is not installed")
    folder.mkdir(exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install {package} in two minutes")
    if done.returncode:
        pytest.skip(f"npm could not install {package}: {done.stderr[-300:]}")
    return folder / "node_modules"


def taken(service: LiveService, customer: str) -> list[dict[str, Any]]:
    """Return a customer's events as the lanes read them."""
    records = [record for lane in range(service.lanes) for record in service.records(topics.EVENTS, lane)]
    return [json.loads(record.value) for record in records if record.key == customer.encode()]


def check(service: LiveService, customer: str) -> None:
    """Check that the events of all `CALLS` calls are there once."""
    service.wait(lambda: len(taken(service, customer)) >= CALLS, 60)
    found = taken(service, customer)
    assert len({one["event_id"] for one in found}) == len(found) == CALLS
    assert sorted(one["type"] for one in found) == [
        "event.tracked",
        "page.viewed",
        "product.viewed",
        "product.viewed",
        "product.viewed",
        "product.viewed",
        "profile.updated",
    ]
    assert {one["product_id"] for one in found if one["type"] == "product.viewed"} == {"p0", "p1", "p2", "p3"}
    assert next(one["traits"]["email"] for one in found if one["type"] == "profile.updated") == "ann@example.org"


PYTHON = """
import sys
from segment.analytics import Client
failed = []
client = Client(write_key=sys.argv[2], host=sys.argv[1], on_error=lambda error, items: failed.append(error))
for number in range(4):
    client.track("python", "Product Viewed", {"product_id": f"p{number}", "price": 9.5, "currency": "EUR"})
client.identify("python", {"email": "ann@example.org"})
client.page("python", "Shop", "Home")
client.track("python", "Wheel Spun", {"prize": "mug"})
client.join()
assert not failed, failed
"""


def test_the_python_library(api: WebProcess, service: LiveService, server: str) -> None:
    pytest.importorskip("segment.analytics")
    command = [sys.executable, "-c", PYTHON, f"http://127.0.0.1:{api.port}", server]
    subprocess.run(command, check=True, timeout=60)
    check(service, "python")


NODE = """
const { Analytics } = require("@segment/analytics-node");
const [host, writeKey] = process.argv.slice(-2);
const analytics = new Analytics({ writeKey, host, flushAt: 3 });
analytics.on("error", (error) => { console.error(error); process.exit(1); });
for (let number = 0; number < 4; number++) {
  analytics.track({ userId: "node", event: "Product Viewed",
                    properties: { product_id: "p" + number, price: 9.5, currency: "EUR" } });
}
analytics.identify({ userId: "node", traits: { email: "ann@example.org" } });
analytics.page({ userId: "node", name: "Home" });
analytics.track({ userId: "node", event: "Wheel Spun", properties: { prize: "mug" } });
analytics.closeAndFlush();
"""


def test_the_node_library(api: WebProcess, service: LiveService, server: str, folder: Path) -> None:
    modules = installed(folder / "node", NODE_LIBRARY)
    (folder / "node" / "send.cjs").write_text(NODE)
    command = ["node", str(folder / "node" / "send.cjs"), f"http://127.0.0.1:{api.port}", server]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, "NODE_PATH": str(modules)}
    )
    assert done.returncode == 0, done.stderr
    check(service, "node")


PAGE = """<!doctype html><title>shop</title><script src="lib/index.js"></script><script>
const analytics = AnalyticsNext.AnalyticsBrowser.load({
  writeKey: "%KEY%",
  cdnSettings: { integrations: { "Segment.io": { apiKey: "%KEY%", apiHost: "127.0.0.1:%PORT%/v1", protocol: "http" } } },
});
(async () => {
  await analytics.identify("browser", { email: "ann@example.org" });
  for (let number = 0; number < 4; number++)
    analytics.track("Product Viewed", { product_id: "p" + number, price: 9.5, currency: "EUR" });
  analytics.page("Home");
  await analytics.track("Wheel Spun", { prize: "mug" });
  location.replace("about:blank");
})();
</script>"""


def test_the_browser_library_on_a_page_that_is_left_at_once(
    api: WebProcess, service: LiveService, folder: Path
) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    bundle = installed(folder / "browser", BROWSER_LIBRARY) / "@segment" / "analytics-next" / "dist" / "umd"
    site = folder / "site"
    site.mkdir()
    shutil.copytree(bundle, site / "lib")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as pages:
        origin = f"http://localhost:{pages.server_address[1]}"
        key = api.tokens.create("page", ["write"], "2026-01-01T00:00:00Z", origins=[origin])
        (site / "index.html").write_text(PAGE.replace("%KEY%", key).replace("%PORT%", str(api.port)))
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
             "--remote-debugging-port=0", f"{origin}/index.html"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            check(service, "browser")
        finally:
            browser.kill()
            browser.wait(20)
            pages.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...
