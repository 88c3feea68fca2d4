from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.control import (
    CONTROL_TYPES,
    ControlClock,
    ControlMerge,
    control_headers,
    decode_control,
    encode_control,
    is_control,
)
from schemas.errors import InvalidEvent
from schemas.signing import Seal
from schemas.wire_time import epoch_ms

EXAMPLES = Path(str(schemas.__file__)).parent / "examples" / "control"
CLOCK = ControlClock(import_id="i-1", at=epoch_ms("2011-11-02T00:00:00Z"))


@pytest.mark.parametrize("name", sorted(CONTROL_TYPES))
def test_examples_survive_decoding_and_encoding(name: str) -> None:
    value = (EXAMPLES / f"{name}.json").read_bytes()
    control = decode_control(value)
    assert control.type == name
    assert json.loads(encode_control(control)) == json.loads(value)
    assert decode_control(encode_control(control)) == control


def test_a_merge_says_from_and_to_on_the_wire() -> None:
    merge = decode_control((EXAMPLES / "control.merge.json").read_bytes())
    assert isinstance(merge, ControlMerge)
    assert (merge.from_id, merge.to_id, merge.event_ids[-1]) == ("anon-7f3a", "17850", 2**64 - 1)


def test_times_are_milliseconds_inside_and_rfc_3339_outside() -> None:
    assert json.loads(encode_control(CLOCK))["at"] == "2011-11-02T00:00:00Z"
    assert decode_control(encode_control(CLOCK)) == CLOCK


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b'{"type": "control.unheard"}',
        b'{"type": "order.completed"}',
        b'{"type": "control.import", "import_id": "i", "state": "paused", "source_hash": "x"}',
        b'{"type": "control.model", "segmentation": "a", "version": 0, "body": {}}',
        b'{"type": "control.merge", "from": " a", "to": "c", "statistics": {}, "event_ids": [], "orders": []}',
        b'{"type": "control.clock", "import_id": "i", "at": 1320228900000}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_as_it_must_be_is_bad_control(value: bytes | None) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode_control(value)
    assert refused.value.reason == "bad_control"


@given(st.binary())
def test_any_bytes_are_bad_control_and_nothing_else(value: bytes) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode_control(value)
    assert refused.value.reason == "bad_control"


def test_without_a_key_nothing_is_signed() -> None:
    value = encode_control(CLOCK)
    assert control_headers(value) == [("streamer-control", b"1")] == control_headers(value, 1, Seal("lane-0", 1))
    assert is_control(control_headers(value))


@pytest.mark.parametrize("headers", [(), [("streamer-control", b"0")], [("streamer-import", b"1")]])
def test_only_the_header_makes_a_control_record(headers: list[tuple[str, bytes]]) -> None:
    assert not is_control(headers)
