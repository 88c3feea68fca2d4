"""Serve ``GET /v1/changes``: changes as server-sent events, each once, without a gap.

An event's id is the vector of offsets after it, so `Last-Event-ID` defines exactly where to resume. One consumer
follows the topic for all readers and keeps the latest changes. Each reader takes them at its own pace, and one that
falls behind the kept changes reads the topic itself. Nothing is buffered per reader, so a slow reader costs nothing;
one that reads nothing for a while is disconnected.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Mapping
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from aiokafka.errors import KafkaError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from schemas import topics
from schemas.errors import TransientError
from schemas.records import LogRecord
from streamer.adapters.kafka import KafkaConnection, read_committed
from streamer.client import change_reader
from streamer.web.api import parameters
from streamer.web.api.guards import cut_off
from streamer.web.api.problems import ProblemError

_KEPT: Final = 5_000
"""Minimum number of changes per lane kept in memory; at most twice as many are kept."""
_SILENCE_SECONDS: Final = 15.0
_PATIENCE_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 1.0
MOST_READERS: Final = 200
_log = structlog.get_logger()

Vector = dict[int, int]
"""Next offset of each lane."""


class Kept(NamedTuple):
    """A change: the offset after it, and its value."""

    end: int
    value: bytes


_end: Final = attrgetter("end")


class _Filter(msgspec.Struct, gc=False):
    """The fields that filters compare."""

    segmentation: str
    cause: str
    to: dict[str, Any] | None


_read: Final = msgspec.json.Decoder(_Filter).decode


class Changes:
    """The latest changes of all lanes, and the readers waiting for more."""

    def __init__(self, connection: KafkaConnection, lanes: int) -> None:
        self._connection = connection
        self._lanes = lanes
        self._kept: list[list[Kept]] = [[] for _ in range(lanes)]
        # Each lane is complete from this offset on.
        self._from: list[int] = [0] * lanes
        self._ends: list[int] = [0] * lanes
        # Number of times a lane's topic was recreated, so that its offsets start again.
        self._made: list[int] = [0] * lanes
        self._news = asyncio.Event()
        self.ready = asyncio.Event()
        self.readers = 0

    async def follow(self) -> None:
        """Read the topic until cancelled. Waits while Kafka is unavailable."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                _log.warning("failed to read changes from Kafka; retrying", why=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)

    def end(self) -> Vector:
        """Return the vector after everything read so far."""
        return dict(enumerate(self._ends))

    async def after(self, vector: Vector) -> AsyncIterator[tuple[Vector, bytes | None]]:
        """Yield changes after a vector as they arrive, each with the vector after it; None after 15 s without one.

        Lanes missing from the vector start at their ends.

        Raises
        ------
        TransientError
            Kafka does not answer.
        """
        at = self.end() | {lane: offset for lane, offset in vector.items() if lane < self._lanes}
        made = list(self._made)
        while True:
            for lane in range(self._lanes):
                if made[lane] != self._made[lane]:
                    made[lane], at[lane] = self._made[lane], self._from[lane]
                if at[lane] < self._from[lane]:
                    async for end, value in self._from_topic(lane, at[lane], self._from[lane]):
                        at[lane] = end
                        yield at, value
                    at[lane] = max(at[lane], self._from[lane])
                kept = self._kept[lane]
                # Copy, because the follower continues while a reader takes its time.
                for end, value in kept[bisect_right(kept, at[lane], key=_end) :]:
                    at[lane] = end
                    yield at, value
            if made == self._made and not self._has_news(at) and not await self._wait():
                yield at, None

    def _last(self, lane: int) -> int:
        kept = self._kept[lane]
        return kept[-1].end if kept else self._from[lane]

    def _has_news(self, at: Vector) -> bool:
        return any(self._last(lane) > at[lane] for lane in range(self._lanes))

    async def _wait(self) -> bool:
        """Wait for changes. Return False when a keep-alive is due."""
        try:
            await asyncio.wait_for(self._news.wait(), _SILENCE_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _from_topic(self, lane: int, start: int, end: int) -> AsyncIterator[Kept]:
        try:
            async for records in read_committed(self._connection, topics.CHANGES, lane, start, end):
                for record in records:
                    if record.value is not None:
                        yield Kept(record.offset + 1, record.value)
        except KafkaError as error:
            raise TransientError("Kafka does not answer") from error

    async def _follow(self) -> None:
        if not self.ready.is_set():
            found = await change_reader.ends(self._connection, topics.CHANGES, self._lanes)
            self._ends = [found[lane] for lane in range(self._lanes)]
            self._from = list(self._ends)
            self.ready.set()
        await change_reader.follow(self._connection, self.end(), self._take, lambda: False)

    def _take(self, records: Iterable[LogRecord]) -> None:
        """Keep records of one lane, and wake the readers."""
        lane = -1
        for record in records:
            lane = record.partition
            if record.offset < self._ends[lane]:
                self._kept[lane], self._from[lane] = [], record.offset
                self._made[lane] += 1
            if record.value is not None:
                self._kept[lane].append(Kept(record.offset + 1, record.value))
            self._ends[lane] = record.offset + 1
        if lane >= 0 and len(kept := self._kept[lane]) > 2 * _KEPT:
            self._from[lane] = kept[-_KEPT - 1].end
            del kept[:-_KEPT]
        self._news.set()
        self._news = asyncio.Event()


class Stream:
    """The handler of ``/v1/changes``."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def changes(self, request: Request) -> Response:
        """Stream changes from now on, or from `Last-Event-ID` on."""
        wanted = {name: parameters.name_of(request, name) for name in _FILTERS}
        last = request.headers.get("last-event-id")
        if not self._changes.ready.is_set():
            raise TransientError("Kafka does not answer")
        if self._changes.readers >= MOST_READERS:
            raise ProblemError(
                503, f"the limit of {MOST_READERS} readers is reached", "close one", **{"retry-after": "30"}
            )
        vector = self._changes.end() if last is None else vector_of(last)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return Impatient(self._lines(vector, wanted), media_type="text/event-stream", headers=headers)

    async def _lines(self, vector: Vector, wanted: Mapping[str, str | None]) -> AsyncIterator[bytes]:
        self._changes.readers += 1
        try:
            # A reader disconnected before the first change then knows where to resume.
            yield f"retry: 1000\nid: {vector_text(vector)}\n\n".encode()
            async for at, value in self._changes.after(vector):
                if value is None:
                    yield b": nothing for 15 s\n\n"
                elif _passes(value, wanted):
                    yield f"id: {vector_text(at)}\nevent: segment.changed\ndata: ".encode() + value + b"\n\n"
        finally:
            self._changes.readers -= 1


class Impatient(StreamingResponse):
    """A stream that disconnects a reader who reads nothing for 30 s."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def bounded(message: Message) -> None:
            try:
                await asyncio.wait_for(send(message), _PATIENCE_SECONDS)
            except TimeoutError:
                # The data in the socket's buffer would keep the connection open forever.
                cut_off(scope)
                raise OSError("the reader has stalled") from None

        await super().__call__(scope, receive, bounded)


_FILTERS: Final = ("segmentation", "to", "cause")


def _passes(value: bytes, wanted: Mapping[str, str | None]) -> bool:
    if not any(wanted.values()):
        return True
    change = _read(value)
    to = None if change.to is None else change.to["id"]
    found = {"segmentation": change.segmentation, "cause": change.cause, "to": to}
    return all(value is None or found[name] == value for name, value in wanted.items())


def vector_text(vector: Vector) -> str:
    """Encode a vector as an event id.

    >>> vector_text({1: 17, 0: 4}), vector_of("0:4,1:17")
    ('0:4,1:17', {0: 4, 1: 17})
    """
    return ",".join(f"{lane}:{offset}" for lane, offset in sorted(vector.items()))


def vector_of(text: str) -> Vector:
    """Parse an event id into a vector. Raises ProblemError if it is invalid."""
    found: Vector = {}
    for part in text.split(","):
        lane, colon, offset = part.partition(":")
        if not colon or not all(one.isascii() and one.isdigit() and len(one) <= 15 for one in (lane, offset)):
            raise ProblemError(
                400, "Last-Event-ID is invalid", ("send the id of the last event received, or omit the header")
            )
        found[int(lane)] = int(offset)
    return found
