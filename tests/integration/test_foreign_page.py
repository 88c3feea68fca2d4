"""Test a page of another origin, in a real browser and by raw requests: it reads nothing and changes nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from aiokafka import AIOKafkaProducer
from live_service import LiveService
from web_process import WebProcess

from schemas import topics
from schemas.changes import Membership, encode_memberships
from schemas.partition import partition_for
from streamer.embedded import Services

pytestmark = pytest.mark.integration

SHOP = "https://shop.example"
SCRIPT = Path(__file__).parents[1] / "support" / "foreign_page.js"
LANES = 2
VICTIM = "victim-4711"


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> LiveService:
    """Create topics with one customer; no worker runs."""
    addresses = services.addresses
    found = LiveService(addresses, f"{addresses.redis}/12", "foreign", folder, lanes=LANES)
    asyncio.run(enter(found))
    return found


async def enter(service: LiveService) -> None:
    key = VICTIM.encode()
    value = encode_memberships(VICTIM, 1, 5, {"lifecycle": Membership("loyal", "Loyal", 5, 1)})
    async with AIOKafkaProducer(bootstrap_servers=service.connection.bootstrap) as producer:
        topic = service.connection.topic(topics.MEMBERSHIPS)
        await producer.send_and_wait(topic, value, key, partition=partition_for(key, LANES))


@pytest.fixture(scope="module")
def keys(api: WebProcess) -> dict[str, str]:
    """Return a shop's public key and a secret token, as if it were stolen."""
    made = "2026-01-01T00:00:00Z"
    return {
        "KEY": api.tokens.create("shop", ["write"], made, origins=[SHOP]),
        "SERVER": api.tokens.create("server", ["write"], made),
        "TOKEN": api.token,
    }


def taken(service: LiveService) -> list[str]:
    """Return the ids of all events received."""
    records = [one for lane in range(LANES) for one in service.records(topics.EVENTS, lane)]
    return [json.loads(one.value)["event_id"] for one in records]


class _Site(BaseHTTPRequestHandler):
    """The attacker's server: the page, a redirect, and what the page found."""

    page: str
    list_it: ClassVar[list[Callable[[], str]]]
    found: dict[str, str]
    finished: threading.Event

    def do_GET(self) -> None:
        body = self.list_it[0]() if self.path == "/listed" else self.page
        self._answer(200, body.encode(), {"content-type": "text/html"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.startswith("/elsewhere"):
            self._answer(307, b"", {"location": parse_qs(urlsplit(self.path).query)["to"][0]})
            return
        self.found.update(json.loads(body))
        self.finished.set()
        self._answer(200, b"", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


def test_a_foreign_page_reads_nothing_and_changes_nothing(
    api: WebProcess, service: LiveService, keys: dict[str, str], folder: Path
) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    assert VICTIM in api.get("/v1/customers?query=v").text, "there is something to read"
    site = _Site
    site.found, site.finished = {}, threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), site) as attacker:
        origin = f"http://localhost:{attacker.server_address[1]}"
        made = "2026-01-01T00:00:00Z"
        site.list_it = [lambda: api.tokens.create("listed", ["write"], made, origins=[origin])]
        known = {**keys, "WEB": f"http://127.0.0.1:{api.port}"}
        constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in known.items())
        site.page = f"<!doctype html><body><script>{constants}{SCRIPT.read_text()}</script>"
        threading.Thread(target=attacker.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
             "--remote-debugging-port=0", "--host-resolver-rules=MAP rebound.example 127.0.0.1", origin],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert site.finished.wait(120), "the page has not come to its end"
        finally:
            browser.kill()
            browser.wait(20)
            attacker.shutdown()
    found = site.found
    assert found.pop("control") == 'cors: {"accepted":1,"rejected":[]}'
    assert len(found) >= 30
    read = {name: answer for name, answer in found.items() if is_read(answer)}
    assert not read
    assert taken(service) == ["control"]


def is_read(answer: str) -> bool:
    """Return whether an attack got any part of an answer, beyond its existence."""
    return answer.startswith("read") or any(
        word in answer for word in ('"openapi"', VICTIM, "accepted", "lifecycle", "ok\n")
    )


def raw(api: WebProcess, head: str, body: bytes = b"") -> str:
    """Return the answer to a hand-written request."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as link:
        link.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        found = b""
        link.settimeout(2)
        try:
            while chunk := link.recv(65_536):
                found += chunk
                if b"\r\n\r\n" in found:
                    break
        except TimeoutError:
            pass
    return found.decode()


HOSTS = (
    "evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost",
    "127.0.0.2", "0.0.0.0:{port}", "[::1].evil.example", "[::1]:80.evil.example", "[::ffff:127.0.0.1]",
    "localhost@evil.example", "", "localhost evil.example",
)  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_points_here_is_not_ours(api: WebProcess, host: str) -> None:
    name = host.format(port=api.port)
    found = raw(api, f"GET /v1/customers?query=v HTTP/1.1\nHost: {name}\nAuthorization: Bearer {api.token}")
    assert found.startswith(("HTTP/1.1 421", "HTTP/1.1 400")) and VICTIM not in found


@pytest.mark.parametrize(
    "lines",
    [
        "Host: evil.example\nX-Forwarded-Host: localhost",
        "Host: evil.example\nForwarded: host=localhost",
        "Host: evil.example\nHost: localhost",
        "X-Forwarded-Host: localhost",
    ],
)
def test_no_other_header_stands_for_the_name(api: WebProcess, lines: str) -> None:
    found = raw(api, f"GET /v1/customers?query=v HTTP/1.1\n{lines}\nAuthorization: Bearer {api.token}")
    assert found.startswith(("HTTP/1.1 421", "HTTP/1.1 400")) and VICTIM not in found


@pytest.mark.parametrize(
    "origin",
    ["null", "https://shop.example.evil.example", "https://evilshop.example", "http://shop.example",
     "https://shop.example:444", "HTTPS://SHOP.EXAMPLE", "https://shop.example/", "https://shop.example, https://evil.example"],
)  # fmt: skip
def test_an_origin_that_looks_like_a_listed_one_is_none(
    api: WebProcess, service: LiveService, keys: dict[str, str], origin: str
) -> None:
    before = taken(service)
    body = json.dumps({"userId": "mallory", "writeKey": keys["KEY"]}).encode()
    found = api.ask("POST", "/v1/page", body, None, origin=origin, content_type="text/plain")
    assert found.status == 403 and "access-control-allow-origin" not in found.headers
    preflight = {"access_control_request_method": "POST", "access_control_request_private_network": "true"}
    before_it = api.ask("OPTIONS", "/v1/page", None, None, origin=origin, **preflight)
    assert not any(name.lower().startswith("access-control") for name in before_it.headers)
    assert taken(service) == before


def test_a_request_within_a_request_is_none(api: WebProcess, service: LiveService, keys: dict[str, str]) -> None:
    before = taken(service)
    inner = f"POST /v1/page?writeKey={keys['SERVER']} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"
    head = "POST /v1/page HTTP/1.1\nHost: localhost\nContent-Length: 6\nTransfer-Encoding: chunked"
    assert raw(api, head, f"0\r\n\r\n{inner}".encode()).startswith("HTTP/1.1 400")
    assert taken(service) == before


def test_no_answer_may_be_framed_guessed_or_read(api: WebProcess) -> None:
    for path in ("/v1/segments", "/openapi.json", "/v1/nothing", "/u/guessed"):
        found = {name.lower(): value for name, value in api.get(path).headers.items()}
        assert found["x-content-type-options"] == "nosniff" and found["x-frame-options"] == "DENY"
        assert found["cross-origin-resource-policy"] == "same-origin" and found["referrer-policy"] == "no-referrer"
