"""Test that import records stored in Redis by older releases can be read."""

from __future__ import annotations

from pathlib import Path

from streamer.adapters.import_view import record_of

HERE = Path(__file__).parent


def test_a_record_of_the_first_release_is_read() -> None:
    record = record_of((HERE / "import_record_0_1_0.json").read_bytes())
    assert record.starts == {0: 10, 1: 12} and record.before is not None
    assert record.before.applied == 20 and record.before.dead_letters == {"not_json": 1}
    assert record.before.fields_ignored == {} == record.before.tracked
