"""Test forms of the console as they arrive: one that is too long or has too many fields is empty."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from streamer.web.console.forms import MOST_FIELDS, MOST_FORM, form_of


def read(body: bytes) -> dict[str, str]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(form_of(Request({"type": "http", "method": "POST", "headers": []}, receive)))


def test_the_fields_of_a_form_are_read() -> None:
    assert read(b"csrf=abc&do=pause&note=%E8%AF%B7+stop") == {"csrf": "abc", "do": "pause", "note": "请 stop"}


@pytest.mark.parametrize(
    "body",
    [b"a=" + b"x" * MOST_FORM, b"&".join(b"f%d=1" % number for number in range(MOST_FIELDS + 1))],
    ids=["too long", "too many fields"],
)
def test_a_form_that_is_none_of_ours_has_no_fields(body: bytes) -> None:
    assert read(body) == {}
