"""Test what ``doctor`` reports about the control key: how long unsigned records are accepted, and when no longer."""

from __future__ import annotations

import pytest

from schemas.wire_time import epoch_ms
from streamer.queries.findings import signatures

NOON = epoch_ms("2026-11-27T12:00:00Z")


@pytest.mark.parametrize(
    ("signed", "signed_from", "text", "hinted", "wrong"),
    [
        (True, None, "control records are signed", False, False),
        (True, NOON - 1, "control records are signed", False, False),
        (True, NOON + 1_000, "unsigned ones are accepted until 2026-11-27T12:00:01", False, False),
        (False, None, "are accepted only until a day after the first start", True, False),
        (False, NOON + 1_000, "are accepted only until 2026-11-27T12:00:01", True, False),
        (False, NOON, "are refused", True, True),
    ],
)
def test_until_when_unsigned_records_are_taken(
    signed: bool, signed_from: int | None, text: str, hinted: bool, wrong: bool
) -> None:
    found = signatures(signed, signed_from, NOON)
    assert text in found.text
    assert (found.hint is not None) == hinted
    assert (found.hint is not None and found.wrong) == wrong
    if hinted:
        assert "streamer keys create" in (found.hint or "")
