"""Keep the read model up to date with the topics: fetch, apply, notify."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.act.ports import Fetched, Inputs
from streamer.web.readmodel import tables
from streamer.web.readmodel.store import Writer

Ends = dict[tuple[str, int], int]
"""Next offset of each partition of a topic."""
READ: Final = (topics.MEMBERSHIPS, topics.CHANGES, topics.MESSAGES)
_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
_FILL_RECORDS: Final = 20_000
"""Minimum number of records applied together while a file is filled, if available, so that a page with many of their
rows is written once. This takes a third of the time and a quarter of the bytes of transactions with 4,000 records.
"""
_FILL_POLL_SECONDS: Final = 0.05
_UPKEEP_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.01
_Answer = TypeVar("_Answer")
_log = structlog.get_logger()


class Feeder:
    """One run of `follow` keeps one file up to date.

    Parameters
    ----------
    service
        Name of the service whose topics are read; another service's file is recreated.
    inputs
        Creates a reader of `READ`; called again after an outage of Kafka.
    identity
        Returns the topics' ids by name, which distinguish them from earlier topics with the same names
        (`streamer.adapters.topics.topic_ids`); blocks. Raises UserError, TransientError if Kafka does not answer.

    Attributes
    ----------
    filled
        Set once everything committed before reading began is applied; new records do not clear it.
    current
        Set while everything committed at the last query of Kafka is applied. Under load it may never be set.
    """

    def __init__(
        self,
        path: Path,
        service: str,
        day_of: Callable[[int], int],
        inputs: Callable[[], Inputs],
        identity: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.path = path
        self._service = service
        self._day_of = day_of
        self._inputs = inputs
        self._identity = identity
        self._upkeep_at = 0.0
        self.filled, self.current = asyncio.Event(), asyncio.Event()
        # What is being read, and how far it is applied; None between two runs.
        self._reading: Inputs | None = None
        self._reached: Ends = {}

    async def prepare(self) -> None:
        """Create the file if there is none, so that pages work as soon as the server answers; `follow` fills it."""
        with suppress(OSError, sqlite3.Error):
            if await _to_the_end(tables.prepare, self.path, self._service):
                _log.info("building the read model", file=str(self.path))

    async def catches_up(self, seconds: float) -> bool:
        """Wait until all memberships committed at the time of the call are applied. Return False if that takes longer."""
        inputs = self._reading
        if inputs is None:
            return False
        try:
            async with asyncio.timeout(seconds):
                ends = await inputs.ends(topics.MEMBERSHIPS)
                while not _are_reached(self._reached, ends):
                    await asyncio.sleep(_LOOK_SECONDS)
        except (TimeoutError, KafkaError):
            return False
        # Nothing is known about a file that was replaced meanwhile.
        return self._reading is inputs

    async def follow(self) -> None:
        """Run until cancelled. Waits for an unavailable Kafka or a full disk, and recreates a damaged file."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, sqlite3.Error, TransientError, UserError) as error:
                self.filled.clear()
                self.current.clear()
                _log.warning("failed to update the read model; retrying", why=str(error) or repr(error))
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                    # The file is damaged; it holds nothing that the topics lack.
                    await _to_the_end(tables.remove, self.path)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        writer = await self._open()
        inputs = self._inputs()
        try:
            await inputs.open(writer.positions())
            begun = await _ends(inputs)
            if not await self._fits(writer, begun):
                return
            self._reading, self._reached = inputs, writer.positions()
            while True:
                fetched = await (inputs.poll(_POLL_SECONDS) if self.filled.is_set() else _many(inputs, writer, begun))
                if fetched:
                    await self._apply(writer, fetched)
                if not self.filled.is_set() and _has_reached(writer, begun):
                    self.filled.set()
                quiet = not any(one.records for one in fetched)
                if quiet and not self.current.is_set() and _has_reached(writer, await _ends(inputs)):
                    self.current.set()
                if not await self._keep_up(writer):
                    return
        finally:
            self._reading = None
            writer.close()
            await inputs.close()

    async def _open(self) -> Writer:
        writer = await _to_the_end(Writer, self.path, self._service, self._day_of)
        if writer.is_new:
            _log.info("building the read model", file=str(self.path))
        return writer

    async def _fits(self, writer: Writer, ends: Ends) -> bool:
        """Return whether the file was filled from these topics; if they were recreated, remove the file.

        Positions reveal this only until the new topics have grown beyond them.
        """
        known = await _to_the_end(writer.belongs_to, await asyncio.to_thread(self._identity))
        if known and all(offset <= ends.get(source, 0) for source, offset in writer.positions().items()):
            return True
        await self._rebuild(writer)
        return False

    async def _rebuild(self, writer: Writer) -> None:
        _log.warning("topics were recreated; rebuilding the read model")
        self.filled.clear()
        self.current.clear()
        writer.close()
        await _to_the_end(tables.remove, self.path)

    async def _apply(self, writer: Writer, fetched: Sequence[Fetched]) -> None:
        batch = [(one.source, one.records, one.end) for one in fetched]
        if any(records for _, records, _ in batch):
            self.current.clear()
        await _to_the_end(writer.apply, batch)
        self._reached |= {source: end for source, _, end in batch}

    async def _keep_up(self, writer: Writer) -> bool:
        """Prune and check once a minute. Return False if the topics were recreated and the file is removed."""
        if time.monotonic() < self._upkeep_at:
            return True
        self._upkeep_at = time.monotonic() + _UPKEEP_SECONDS
        with suppress(TransientError, UserError):
            if not await _to_the_end(writer.belongs_to, await asyncio.to_thread(self._identity)):
                await self._rebuild(writer)
                return False
        await _to_the_end(writer.prune)
        await _to_the_end(writer.checkpoint)
        return True


async def _many(inputs: Inputs, writer: Writer, begun: Ends) -> Sequence[Fetched]:
    """Return what to apply in one transaction while a file is filled: up to the ends when reading began."""
    found = list(await inputs.poll(_POLL_SECONDS))
    reached = writer.positions()
    while 0 < sum(len(one.records) for one in found) < _FILL_RECORDS:
        reached |= {one.source: one.end for one in found}
        more = [] if _are_reached(reached, begun) else await inputs.poll(_FILL_POLL_SECONDS)
        if not more:
            break
        found += more
    return found


async def _to_the_end(function: Callable[..., _Answer], *arguments: object) -> _Answer:
    """Run a function that uses the file in a thread, so that the loop keeps answering.

    On cancellation, waits until the function has ended: SQLite crashes if a connection used by another thread is
    closed, or if a file is replaced that another thread is still creating.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _has_reached(writer: Writer, ends: Ends) -> bool:
    return _are_reached(writer.positions(), ends)


def _are_reached(reached: Ends, ends: Ends) -> bool:
    # A partition that was not read yet has no position.
    return all(reached.get(source, 0) >= end for source, end in ends.items())


async def _ends(inputs: Inputs) -> Ends:
    found: Ends = {}
    for topic in READ:
        found |= await inputs.ends(topic)
    return found
