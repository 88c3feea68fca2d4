"""Test which imports a lane gives up, and how often it reports so."""

from __future__ import annotations

from streamer.core.ledger import ImportClock
from streamer.lanes.silent_imports import SilentImports

MINUTE = 60_000


def test_each_silent_import_is_closed_once_for_as_long_as_it_is_open() -> None:
    silent = SilentImports(3, 10 * MINUTE, since_ms=0)
    imports = {"a": ImportClock(None, 0), "b": ImportClock(None, 5 * MINUTE)}
    assert silent.close(imports, {}, 10 * MINUTE) == []
    [first] = silent.close(imports, {}, 11 * MINUTE)
    assert (first.partition, first.key, b'"a"' in (first.value or b"")) == (3, None, True)
    # If a warning is rejected, the lane must not fill its own log with warnings.
    assert silent.close(imports, {}, 12 * MINUTE) == []
    [second] = silent.close(imports, {}, 16 * MINUTE)
    assert b'"b"' in (second.value or b"")
    assert silent.close({}, {}, 17 * MINUTE) == []
    assert len(silent.close({"a": ImportClock(None, 0)}, {}, 18 * MINUTE)) == 1, "the id is another import's now"


def test_silence_counts_from_when_the_lane_listens() -> None:
    silent = SilentImports(0, 10 * MINUTE, since_ms=100 * MINUTE)
    imports = {"a": ImportClock(None, 0)}
    assert silent.close(imports, {}, 110 * MINUTE) == []
    assert len(silent.close(imports, {}, 110 * MINUTE + 1)) == 1


def test_each_has_a_number_above_all_that_the_lane_has_read_or_written() -> None:
    silent = SilentImports(0, 10 * MINUTE, since_ms=0)
    two = {"a": ImportClock(None, 0), "b": ImportClock(None, 0)}
    numbers = [one.seal.number for one in silent.close(two, {"silence": 6}, 11 * MINUTE) if one.seal is not None]
    assert numbers == [7, 8]
    # Neither of the two has been read yet.
    [third] = silent.close({**two, "c": ImportClock(None, 0)}, {"silence": 6}, 12 * MINUTE)
    assert third.seal == ("silence", 9)
