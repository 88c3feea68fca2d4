"""Test the feed of changes, without a Kafka."""

from __future__ import annotations

import asyncio

from schemas.records import Record
from streamer.web.api.changes import Changes


def record(lane: int, offset: int, value: bytes) -> Record:
    return Record(lane, offset, 0, b"c", value)


def test_a_reader_goes_on_with_topics_that_were_made_anew() -> None:
    """Recreate the topics: their offsets start again, below those that a reader has seen."""

    async def run() -> list[bytes | None]:
        changes = Changes(None, 2)  # type: ignore[arg-type]
        changes._take([record(0, offset, b"old") for offset in range(100)])
        changes._take([record(1, 7, b"of another lane")])
        reader = changes.after({0: 98, 1: 8})
        found = [await anext(reader) for _ in range(2)]
        changes._take([record(0, 3, b"new"), record(0, 5, b"newer")])
        found += [await asyncio.wait_for(anext(reader), 5) for _ in range(2)]
        assert changes.end() == {0: 6, 1: 8} and found[-1][0] == {0: 6, 1: 8}
        return [value for _, value in found]

    assert asyncio.run(run()) == [b"old", b"old", b"new", b"newer"]
