"""Test a file uploaded on the Data page: checked, imported, interrupted and resumed by the command; in Chromium too."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, WHY, tab
from command_line import CommandLine
from console_pages import Visitor, faults
from live_service import LiveService
from web_process import WebProcess, web

from streamer.embedded import Services
from streamer.web.console.sessions import Sessions
from streamer.web.console.uploads import FOLDER

pytestmark = pytest.mark.integration

SECRET = "carla.secret"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason=WHY)


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> Iterator[LiveService]:
    # No worker runs, so imports start their own workers, including the model owner.
    addresses = services.addresses
    with LiveService(addresses, f"{addresses.redis}/11", "upload", folder, lanes=2) as made:
        yield made


@pytest.fixture(scope="module")
def console(service: LiveService, folder: Path) -> Iterator[WebProcess]:
    with web(service.environment, folder / "home") as found:
        yield found


@pytest.fixture
def streamer(console: WebProcess) -> CommandLine:
    return CommandLine(console.home, {k: v for k, v in console.environment.items() if k.startswith("STREAMER_")})


def orders(streamer: CommandLine) -> int:
    """Return the orders of the whole shop."""
    return int(streamer.json("status").get("orders", 0))


def table(orders: int, first: int = 1) -> bytes:
    rows = [
        f"{first + n},{SECRET}{n % 7}@example.org,2025-04-{1 + n % 27:02d}T10:00:00Z,{10 + n % 50}.50"
        for n in range(orders)
    ]
    return "\n".join(["order_id,customer_id,created_at,total", *rows, "bad,,never,x", ""]).encode()


def send(visitor: Visitor, body: bytes, name: str = "orders.csv", csrf: str | None = None) -> tuple[int, str]:
    """Send a file as the page's form does, and return the status and the redirect."""
    answer = visitor.upload(body, name, csrf=csrf)
    return answer.status, answer.url


def until(visitor: Visitor, path: str, text: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while text not in (page := visitor.text(path)):
        assert time.monotonic() < deadline, page
        time.sleep(0.2)
    return page


def test_a_file_is_looked_at_and_imported_by_the_command(
    console: WebProcess, streamer: CommandLine, tmp_path: Path
) -> None:
    visitor = Visitor(console)
    assert console.ask("POST", "/data/uploads", b"x", token=None).status == 401
    assert send(visitor, table(3), csrf="made-up")[0] == 403
    assert not list((console.home / FOLDER).rglob("*.csv"))

    before = orders(streamer)
    status, path = send(visitor, table(40))
    assert status == 200
    page = until(visitor, path, "The totals agree")
    (tmp_path / "orders.csv").write_bytes(table(40))
    told = streamer.json("import", str(tmp_path / "orders.csv"), "--check")
    shown = dict(re.findall(r"<dt>(rows|events|customers)</dt><dd>([\d,]+)</dd>", visitor.page(path)))
    assert {name: int(value) for name, value in shown.items()} == {
        name: told[name] for name in ("rows", "events", "customers")
    }
    assert f"{told['applied']['order_money'] / 100:,.2f}" in page and "order_id" in page
    assert "orders.csv has no mapping" in page and str(console.home) not in page
    assert orders(streamer) == before, "looking imports nothing"
    assert "<html" in visitor.page(f"{path}/check") and "文件" in visitor.text(path, "zh")

    assert visitor.send(path, {"do": "import"}, csrf="made-up").status == 403
    visitor.send(path, {"do": "import"})
    page = until(visitor, path, "The file itself has been deleted", 100)
    assert orders(streamer) == before + 40
    assert "40" in page and "Download refused rows" in page
    assert "never" in visitor.page(f"{path}/rejects.csv")
    held = list((console.home / FOLDER).rglob("*"))
    assert all(one.stat().st_mode & 0o077 == 0 for one in held)
    assert not any(one.name == "orders.csv" for one in held)
    assert SECRET not in console.log and SECRET not in console.get("/metrics").text
    assert "orders.csv" in until(visitor, "/data", "finished")

    _, again = send(visitor, table(40))
    until(visitor, again, "The totals agree")
    visitor.send(again, {"do": "import"})
    page = until(visitor, again, "Continue the import")
    assert "orders.csv was already imported on" in page and str(console.home) not in page
    for one in (path, again):
        assert "The file is deleted." in visitor.send(one, {"do": "delete"}).page
        assert visitor.status(one) == 404
    assert not list((console.home / FOLDER).iterdir())


def test_an_import_is_cancelled_and_gone_on_with(console: WebProcess, streamer: CommandLine) -> None:
    visitor = Visitor(console)
    before = orders(streamer)
    _, path = send(visitor, table(6_000, first=1_000), "many.csv")
    until(visitor, path, "The totals agree")
    visitor.send(path, {"do": "import"})
    until(visitor, path, "being imported")
    time.sleep(2)
    visitor.send(path, {"do": "cancel"})
    page = until(visitor, path, "interrupted")
    assert "the import continues where it stopped" in page
    visitor.send(path, {"do": "import"})
    until(visitor, path, "The file itself has been deleted", 120)
    assert orders(streamer) == before + 6_000
    visitor.send(path, {"do": "delete"})


@needs_chromium
def test_a_file_is_chosen_and_looked_at_in_a_browser(console: WebProcess, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(table(60, first=50_000))

    async def look() -> tuple[str, list[str]]:
        async with tab(tmp_path) as page:
            to = f"http://127.0.0.1:{console.port}"
            await page.open(f"{to}/enter?once={Sessions(console.home).link()}&to=/data")
            await page.until("location.pathname == '/data' && document.readyState == 'complete'")
            found = await page.call("Runtime.evaluate", expression="document.getElementById('file')")
            await page.call("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])
            await page.run("document.querySelector('.upload button').focus()")
            await page.call(
                "Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r"
            )
            await page.until("location.pathname.startsWith('/data/uploads/')", 30)
            await page.until("document.body?.textContent.includes('The totals agree')", 60)
            return str(await page.run("location.pathname")), page.complaints

    path, complaints = asyncio.run(look())
    assert complaints == []
    assert asyncio.run(faults(console, ["/data", path], tmp_path / "look")) == []
