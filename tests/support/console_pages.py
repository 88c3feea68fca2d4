"""Fetch the console's pages with a session, and check them in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from browser import tab
from web_process import WebProcess

from streamer.web.console.sessions import Sessions

_SUPPORT = Path(__file__).parent
LOOKS = [
    (width, language, scheme) for width in (1280, 360) for language in ("en", "zh") for scheme in ("light", "dark")
]
ALL = os.environ.get("CONSOLE_LOOKS") == "all"
"""Whether to check pages in all eight looks, rather than only in two opposite ones."""
PICTURES = os.environ.get("CONSOLE_PICTURES", "")
"""Folder for screenshots of all checked pages, for people."""
LOOK = (_SUPPORT / "look.js").read_text()
AXE = (_SUPPORT / "vendor" / "axe.min.js").read_text()
_OPEN = "document.querySelectorAll('details').forEach(one => one.open = true)"
VIOLATIONS = (
    "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map("
    "one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.html.slice(0, 120)).join(' | ')}`))"
)


class Sent(NamedTuple):
    """The response to a form: the status, the address it led to, and the page there."""

    status: int
    url: str
    page: str


class Served(Protocol):
    """A web process: its address, and the folder of its sessions."""

    @property
    def port(self) -> int: ...
    @property
    def home(self) -> Path: ...


class Visitor:
    """A visitor who entered by a link, without a browser."""

    def __init__(self, console: Served) -> None:
        self._base = f"http://127.0.0.1:{console.port}"
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self._opener.open(f"{self._base}/enter?once={Sessions(console.home).link()}").read()

    def page(self, path: str, language: str = "en") -> str:
        """Return the markup of a page."""
        more = f"{'&' if '?' in path else '?'}lang={language}"
        return str(self._opener.open(f"{self._base}{path}{more}", timeout=60).read().decode())

    def status(self, path: str) -> int:
        """Return the status of a page."""
        try:
            with self._opener.open(f"{self._base}{path}", timeout=60) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def text(self, path: str, language: str = "en") -> str:
        """Return a page's texts as read, with blanks collapsed."""
        body = re.sub(r"<script.*?</script>|<[^>]*>", " ", self.page(path, language), flags=re.DOTALL)
        return " ".join(unescape(body).split())

    def csrf(self, path: str) -> str:
        """Return the token in the forms of a page."""
        found = re.search(r'name="csrf" value="(\w+)"', self.page(path))
        assert found is not None, "the page has no form"
        return found[1]

    def send(self, path: str, values: Mapping[str, str], *, csrf: str | None = None) -> Sent:
        """Send a form, with the page's own token by default."""
        body = urlencode({"csrf": self.csrf(path) if csrf is None else csrf, **values}).encode()
        return self.post(path, body, "application/x-www-form-urlencoded")

    def upload(self, body: bytes, name: str, *, csrf: str | None = None) -> Sent:
        """Send a file with the form of the page Data."""
        token = self.csrf("/data") if csrf is None else csrf
        parts = (
            f'--edge\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{token}\r\n'
            f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        )
        sent = parts.encode() + body + b"\r\n--edge--\r\n"
        return self.post("/data/uploads", sent, "multipart/form-data; boundary=edge")

    def post(self, path: str, body: bytes, kind: str) -> Sent:
        """Send a body."""
        request = Request(f"{self._base}{path}", body, {"content-type": kind})
        try:
            with self._opener.open(request, timeout=60) as answer:
                return Sent(answer.status, answer.url.removeprefix(self._base), answer.read().decode())
        except HTTPError as error:
            return Sent(error.code, path, error.read().decode())


async def faults(console: WebProcess, paths: Sequence[str], folder: Path) -> list[str]:
    """Return everything that is wrong with pages.

    Checks their layout, with all folded parts opened; the browser's complaints; requests to elsewhere; violations of
    WCAG found by axe; and a language other than the requested one. Each page is checked wide, light and in English, and
    narrow, dark and in Chinese; with ``CONSOLE_LOOKS=all`` in all eight combinations (`make looks`).
    """
    folder.mkdir(exist_ok=True)
    base, found = f"http://127.0.0.1:{console.port}", []
    async with tab(folder) as page:
        await page.open(f"{base}/enter?once={Sessions(console.home).link()}&to={paths[0]}")
        await page.until(f"location.pathname == '{paths[0]}' && document.readyState == 'complete'")
        for width, language, scheme in LOOKS if ALL else (LOOKS[0], LOOKS[-1]):
            await page.size(width)
            for path in paths:
                more = f"{'&' if '?' in path else '?'}lang={language}&scheme={scheme}"
                await page.open(f"{base}{path}{more}")
                if PICTURES:
                    name = re.sub(r"\W+", "-", path).strip("-")[:60] or "overview"
                    await page.picture(Path(PICTURES) / f"{name}-{width}-{language}-{scheme}.png")
                await page.run(_OPEN)
                seen: dict[str, Any] = await page.run(LOOK)
                chinese = re.search("[一-鿿]{4}", seen["body"]) is not None
                wrong = [*seen["found"], *await _violations(page)]
                if chinese != (language == "zh"):
                    wrong.append("another language")
                found += [f"{path} {language} {scheme} {width}: {one}" for one in wrong]
        return [*found, *page.complaints, *(one for one in page.requests if not one.startswith(f"{base}/"))]


async def _violations(page: Any) -> list[str]:
    await page.run(f"{AXE}; 0")
    found: list[str] = await page.run(VIOLATIONS)
    return found
