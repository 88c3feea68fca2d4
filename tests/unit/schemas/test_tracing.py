from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.deadletters import headers_for, parse_headers
from schemas.records import Headers, Record
from schemas.tracing import traceparent

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STRUCTURED = ("content-type", b"application/cloudevents+json")
ENVELOPE = json.dumps({"specversion": "1.0", "type": "x", "traceparent": TRACE.decode(), "data": {}}).encode()


def record(headers: Headers, value: bytes | None = b"{}") -> Record:
    return Record(0, 0, 0, b"k", value, headers)


@pytest.mark.parametrize(
    ("headers", "value", "found"),
    [
        ((), ENVELOPE, None),
        ([("x", TRACE)], b"{}", None),
        ([("traceparent", TRACE)], None, TRACE),
        ([("ce_traceparent", TRACE)], b"{}", TRACE),
        ([("traceparent", b"00-zz"), ("ce_traceparent", TRACE)], b"{}", TRACE),
        ([("traceparent", TRACE.upper())], b"{}", None),
        ([("traceparent", None)], b"{}", None),
        ([STRUCTURED], ENVELOPE, TRACE),
        ([STRUCTURED, ("traceparent", TRACE[:-1] + b"0")], ENVELOPE, TRACE[:-1] + b"0"),
        ([STRUCTURED], b"{", None),
        ([STRUCTURED], b'{"traceparent": 5}', None),
        ([STRUCTURED], b"[]", None),
        ([STRUCTURED], b"{}", None),
        ([STRUCTURED], None, None),
    ],
)
def test_where_a_trace_stands(headers: Any, value: bytes | None, found: bytes | None) -> None:
    assert traceparent(record(headers, value)) == found


def test_a_dead_letter_carries_the_trace_of_its_record() -> None:
    structured = headers_for(record([STRUCTURED], ENVELOPE), "t", "decode", "unknown_type", "x")
    assert structured.count(("traceparent", TRACE)) == 1
    plain = headers_for(record([("traceparent", TRACE)]), "t", "decode", "unknown_type", "x")
    assert plain.count(("traceparent", TRACE)) == 1
    assert parse_headers(plain).headers == (("traceparent", TRACE),)
    assert all(name != "traceparent" for name, _ in headers_for(record([]), "t", "decode", "unknown_type", "x"))
