"""Test how a command handles a web process's answers: a whole list, a plain error, or a hint to look elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from schemas.errors import TransientError, UserError
from streamer.client import presence
from streamer.client.members import Refused, members

COLUMNS = ("id", "name")
ROW = b'{"id":"ann","name":null}\n'
BY_OTHERS = b'{"type":"/problems/x","detail":"no","hint":"ask somebody"}'


class Process(ThreadingHTTPServer):
    """Answers every request with the same bytes, and records the requests."""

    answer = b""
    asked: list[tuple[str, dict[str, str]]]


class Handler(BaseHTTPRequestHandler):
    server: Process

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *arguments: object) -> None:
        return None


@contextmanager
def process(answer: bytes) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    with Process(("127.0.0.1", 0), Handler) as server:
        server.answer, server.asked = answer, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server.asked
        finally:
            server.shutdown()
            thread.join()


def http(body: bytes, status: int = 200, *headers: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status} x", f"content-length: {len(body)}", *headers))
    return head.encode() + b"\r\n\r\n" + body


def test_a_whole_list_is_read_and_the_request_says_what_is_wanted() -> None:
    more = json.dumps({"id": "bob", "name": "B\u00f6b", "later": 7}).encode()
    with process(http(ROW + more + b"\n")) as (url, asked):
        found = members(f"{url}/", "secret", ["new", "a/b&c"], "2025-01-01", 9, COLUMNS, nearby=True)
    assert found == [{"id": "ann", "name": None}, {"id": "bob", "name": "B\u00f6b"}], "later columns are left out"
    [(path, headers)] = asked
    assert path == "/v1/members?segment=new&segment=a%2Fb%26c&since=2025-01-01&limit=9"
    assert (headers["authorization"], headers["host"]) == ("Bearer secret", "localhost")


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        CHUNKED + b"19\r\n" + ROW + b"\r\n",
        CHUNKED + b"19\r\n" + ROW[:9],
        http(ROW, 200).replace(b"content-length: 25", b"content-length: 26"),
        http(b'{"id":"ann"}\n'),
        http(b'{"id":"ann","name":7}\n'),
        http(b'["ann"]\n'),
        http(b"<html>"),
        http(b"", 404),
        http(BY_OTHERS, 404),
        http(BY_OTHERS, 429),
        http(BY_OTHERS, 503),
        http(b"a proxy", 401),
        http(b"", 302, "location: http://127.0.0.1:1/"),
    ],
)
def test_an_answer_that_is_no_whole_list_gives_none(answer: bytes) -> None:
    with process(answer) as (url, asked), pytest.raises(TransientError):
        members(url, "secret", ["new"], None, None, COLUMNS)
    assert len(asked) == 1


def test_a_process_that_is_gone_gives_none() -> None:
    with process(b"") as (url, _):
        pass
    with pytest.raises(TransientError, match="does not answer"):
        members(url, "secret", ["new"], None, None, COLUMNS)


@pytest.mark.parametrize("status", [400, 401, 403, 421])
def test_a_refusal_is_passed_on(status: int) -> None:
    with process(http(BY_OTHERS, status)) as (url, _), pytest.raises(Refused) as caught:
        members(url, "secret", ["new"], None, None, COLUMNS)
    assert (caught.value.message, caught.value.hint, caught.value.status) == ("no", "ask somebody", status)


@pytest.mark.parametrize("url", ["segments.shop.example", "file:///etc/passwd", "http://", "http://a/?b", "ftp://a"])
def test_an_address_is_one_of_http(url: str) -> None:
    with pytest.raises(UserError, match="is not the address"):
        members(url, "secret", ["new"], None, None, COLUMNS)


def test_a_note_names_the_service_that_is_served(tmp_path: Path) -> None:
    with presence.noted(tmp_path, "http://localhost:1", "ours"):
        assert presence.url_of(tmp_path) == presence.url_for(tmp_path, "ours") == "http://localhost:1"
        assert presence.url_for(tmp_path, "theirs") is None
        (tmp_path / presence.FILE).write_text('{"pid": 1, "url": "http://localhost:1"}')
        assert presence.url_of(tmp_path) == "http://localhost:1", "a note of a release before this one"
        assert presence.url_for(tmp_path, "ours") is None
    assert presence.url_of(tmp_path) is presence.url_for(tmp_path, "ours") is None
