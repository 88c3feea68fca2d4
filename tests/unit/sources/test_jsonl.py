"""Test that JSON lines are passed on unchanged, and only key and time are read."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from streamer.sources.jsonl import MAX_LINE_BYTES, JsonLines

AT, AT_MS = "2025-01-01T00:00:00Z", 1_735_689_600_000


def source(tmp_path: Path, content: bytes) -> JsonLines:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    return JsonLines(path)


def line(**fields: str) -> str:
    return "{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items()) + "}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (line(type="x", customer_id="anna"), b"anna"),
        (line(type="track", userId="anna"), b"anna"),
        (line(type="identity.linked", customer_id="anna", anonymous_id="a1"), b"a1"),
        (line(type="x"), None),
        ('{"customer_id":17}', b"17"),
        (line(customer_id=""), None),
        ("[1,2]", None),
        ("not json", None),
        ('{"customer_id":"a"', None),
        ("[" * 5_000, None),
    ],
)
def test_the_key_is_the_customer_if_the_line_names_one(tmp_path: Path, text: str, key: bytes | None) -> None:
    (event,) = source(tmp_path, text.encode()).events()
    assert (event.key, event.value) == (key, text.encode())


def test_bytes_that_are_no_text_go_on_without_a_key(tmp_path: Path) -> None:
    (event,) = source(tmp_path, b'{"customer_id":"\xff"}').events()
    assert (event.key, event.value) == (None, b'{"customer_id":"\xff"}')


def test_a_time_that_cannot_be_read_is_the_one_before(tmp_path: Path) -> None:
    times = ["", AT, "soon", "2025-01-01T00:00:00", "2025-01-01T01:00:01+01:00"]
    content = "\n".join(line(occurred_at=time) for time in times)
    found = [event.occurred_at for event in source(tmp_path, content.encode()).events()]
    assert found == [0, AT_MS, AT_MS, AT_MS, AT_MS + 1_000]


def test_blank_lines_are_passed_over_and_long_ones_are_skipped(tmp_path: Path) -> None:
    long = b'{"customer_id":"' + b"a" * (3 * MAX_LINE_BYTES) + b'"}'
    lines = source(tmp_path, b"\n".join([b'{"customer_id":"a"}', b"", b"  ", long, b'{"customer_id":"b"}']))
    assert [event.key for event in lines.events()] == [b"a", b"b"]
    assert lines.rows == 5
    assert lines.skipped == Counter(too_long=1)


def test_packed_files_read_the_same(tmp_path: Path) -> None:
    content = f"{line(customer_id='a', occurred_at=AT)}\r\n".encode() * 3
    plain = source(tmp_path, content)
    packed = tmp_path / "events.gz"
    packed.write_bytes(gzip.compress(content))
    assert list(JsonLines(packed).events()) == list(plain.events())
    assert JsonLines(packed).content_hash == plain.content_hash
    assert next(plain.events()).value.endswith(b"}")
