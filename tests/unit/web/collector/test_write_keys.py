"""Test keys and bodies of requests: where a key may be, and what bodies and write keys are allowed."""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from pathlib import Path

import pytest
from starlette.requests import Request

from schemas.errors import UserError
from streamer.web.api.problems import ProblemError
from streamer.web.api.tokens import Tokens
from streamer.web.collector.request import body_of, key_of

NOW = "2026-01-01T00:00:00Z"


def request(body: bytes = b"", query: str = "", **headers: str) -> Request:
    parts = [body[start : start + 1_000] for start in range(0, len(body), 1_000)] or [b""]

    async def receive() -> dict[str, object]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    sent = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": sent, "query_string": query.encode()}
    return Request(scope, receive)


def read(body: bytes, **headers: str) -> bytes:
    return asyncio.run(body_of(request(body, **headers), 10_000))


def test_a_body_may_be_packed() -> None:
    assert read(b"plain") == b"plain"
    assert read(gzip.compress(b"packed"), content_encoding="gzip") == b"packed"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x" * 10_001, "identity"),
        (gzip.compress(b"\0" * 50_000_000), "gzip"),
        (b"no gzip", "gzip"),
        (gzip.compress(b"cut off")[:-6], "gzip"),
        (zlib.compress(b"x"), "br"),
    ],
    ids=["too long", "a bomb", "not gzip", "cut off", "another encoding"],
)
def test_a_body_that_cannot_be_read_is_a_problem(body: bytes, encoding: str) -> None:
    with pytest.raises(ProblemError) as raised:
        read(body, content_encoding=encoding)
    assert raised.value.status in (400, 415)


def test_a_key_stands_in_a_header_the_query_or_the_body() -> None:
    basic = base64.b64encode(b"wk_1:").decode()
    assert key_of(request(authorization="Bearer wk_1")) == "wk_1"
    assert key_of(request(authorization=f"Basic {basic}")) == "wk_1"
    assert key_of(request(query="writeKey=wk_1")) == "wk_1"
    assert key_of(request(), {"writeKey": "wk_1"}) == "wk_1"
    assert key_of(request(), {"writeKey": 7}) is None
    assert key_of(request(authorization="Basic ???")) is None
    assert key_of(request()) is None


def test_a_write_key_is_for_origins_and_for_nothing_but_writing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    text = tokens.create("page", ["write"], NOW, origins=["https://shop.example"], allow=["order.completed"])
    found = Tokens(tokens.path).of(text)
    assert found is not None and text.startswith("wk_")
    assert (found.origins, found.allow) == (("https://shop.example",), ("order.completed",))
    assert tokens.origins == {"https://shop.example"}
    tokens.revoke("page")
    assert tokens.origins == frozenset()


@pytest.mark.parametrize(
    ("may", "how"),
    [
        (["read", "write"], {"origins": ["https://shop.example"]}),
        (["read"], {"origins": ["https://shop.example"]}),
        (["write"], {"origins": ["https://shop.example/path"]}),
        (["write"], {"origins": ["*"]}),
        (["write"], {"origins": ["https://shop.example"], "allow": ["customer.erased"]}),
        (["write"], {"allow": ["order.completed"]}),
    ],
)
def test_a_write_key_that_would_be_more_is_refused(tmp_path: Path, may: list[str], how: dict[str, list[str]]) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    with pytest.raises(UserError):
        tokens.create("page", may, NOW, **how)
    assert not tokens.all()


def test_tokens_of_before_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text('{"tokens": [{"name": "a", "sha256": "b", "may": ["read"], "created": "2026-01-01T00:00:00Z"}]}')
    assert Tokens(path).all()[0].origins == ()
