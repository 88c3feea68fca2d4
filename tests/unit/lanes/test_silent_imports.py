"""Which imports a lane gives up, and how often it says so."""

from __future__ import annotations

from streamer.core.ledger import ImportClock
from streamer.lanes.silent_imports import SilentImports

MINUTE = 60_000


def test_each_silent_import_is_closed_once_for_as_long_as_it_is_open() -> None:
    silent = SilentImports(3, 10 * MINUTE, since_ms=0)
    imports = {"a": ImportClock(None, 0), "b": ImportClock(None, 5 * MINUTE)}
    assert silent.close(imports, 10 * MINUTE) == []
    [first] = silent.close(imports, 11 * MINUTE)
    assert (first.partition, first.key, b'"a"' in (first.value or b"")) == (3, None, True)
    # Should what was said be refused, the lane must not fill its own log with it.
    assert silent.close(imports, 12 * MINUTE) == []
    [second] = silent.close(imports, 16 * MINUTE)
    assert b'"b"' in (second.value or b"")
    assert silent.close({}, 17 * MINUTE) == []
    assert len(silent.close({"a": ImportClock(None, 0)}, 18 * MINUTE)) == 1, "the id is another import's now"


def test_silence_counts_from_when_the_lane_listens() -> None:
    silent = SilentImports(0, 10 * MINUTE, since_ms=100 * MINUTE)
    imports = {"a": ImportClock(None, 0)}
    assert silent.close(imports, 110 * MINUTE) == []
    assert len(silent.close(imports, 110 * MINUTE + 1)) == 1
