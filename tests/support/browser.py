"""Drive a real Chromium by its DevTools protocol: pages as a browser lays them out, and its complaints."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WHY: Final = "Chromium is not installed; `apt-get install chromium` adds it"
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--disable-dev-shm-usage", "--force-color-profile=srgb"),
)
_SECONDS: Final = 60.0


class Tab:
    """One page of the browser.

    Attributes
    ----------
    complaints
        Errors of scripts, of the console, of the Content-Security-Policy, and answers of 400 and above.
    requests
        All requested addresses.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._number = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.bytes = 0
        self._reader = asyncio.ensure_future(self._read())

    async def close(self) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": values})
        return await asyncio.wait_for(answer, _SECONDS)

    async def open(self, url: str) -> None:
        """Open an address, and wait until it is loaded."""
        self._loaded.clear()
        found = await self.call("Page.navigate", url=url)
        assert "errorText" not in found, found
        await asyncio.wait_for(self._loaded.wait(), _SECONDS)

    async def run(self, script: str) -> Any:
        """Return the value of an expression, awaited if it is a promise."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = 10.0) -> float:
        """Wait until an expression holds, and return the seconds that it took."""
        begun = time.monotonic()
        while not await self._holds(script):
            assert time.monotonic() - begun < seconds, f"{script} does not hold after {seconds} s"
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    async def _holds(self, script: str) -> bool:
        """Return whether an expression holds; False on a page that is being left."""
        try:
            return bool(await self.run(script))
        except RuntimeError as error:
            if "navigated or closed" not in str(error):
                raise
            return False

    async def size(self, width: int, height: int = 900) -> None:
        """Set the window's size in px."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    async def scheme(self, name: str) -> None:
        """Set the device's preference for light or dark."""
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    async def key(self, name: str, code: int) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    async def type(self, text: str) -> None:
        """Type into the focused element."""
        await self.call("Input.insertText", text=text)

    async def picture(self, path: Path) -> None:
        """Save the whole page as a PNG."""
        found = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            found = json.loads(message.data)
            waiting = self._waiting.pop(found.get("id", 0), None)
            if waiting is not None:
                if "error" in found:
                    waiting.set_exception(RuntimeError(str(found["error"])))
                else:
                    waiting.set_result(found["result"])
            elif "method" in found:
                self._receive(found["method"], found["params"])

    def _receive(self, method: str, values: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                self.complaints.append(str(values["exceptionDetails"]))
            case "Log.entryAdded" if values["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(values["entry"]))
            case "Runtime.consoleAPICalled" if values["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(values["args"]))
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            case "Network.loadingFinished":
                self.bytes += int(values["encodedDataLength"])


@asynccontextmanager
async def tab(folder: Path) -> AsyncIterator[Tab]:
    """Open a page in a new browser, whose profile is in ``folder``."""
    assert CHROMIUM is not None
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"], stdout=log, stderr=log
        )
    try:
        port = await _port(folder / "profile" / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                found = Tab(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await found.call(f"{domain}.enable")
                try:
                    yield found
                finally:
                    await found.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


async def _port(place: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + _SECONDS
    while not place.exists() or not place.read_text().strip():
        assert process.poll() is None and time.monotonic() < deadline, "Chromium does not start"
        await asyncio.sleep(0.05)
    return int(place.read_text().splitlines()[0])
