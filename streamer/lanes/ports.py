"""What the lane needs from the world: a transactional log, a readable view, a clock.

``adapters/memory.py`` implements all of it in memory; ``adapters/kafka.py`` and ``adapters/redis.py`` are the
real ones. One contract suite runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from schemas.records import Headers, LogRecord


class Fenced(Exception):
    """Another owner has taken the lane: this process must end without touching anything more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records fetched from one lane, and the offsets ``[start, end)`` they stand for, gaps included."""

    start: int
    end: int
    records: Sequence[LogRecord]


class Write(msgspec.Struct, frozen=True, gc=False):
    """One record to write. ``value`` None is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Writes = dict[tuple[str, int], list[Write]]
"""Records to write in one transaction, by topic (without prefix) and partition."""


class LaneLog(Protocol):
    """The log as one lane writes it. Used by that lane alone, never by two tasks at once."""

    async def open(self) -> None:
        """Become the lane's only writer. Fences the owner before us and ends its open transaction."""

    async def commit(self, writes: Writes, next_offset: int) -> int:
        """Write everything and the consumed offset in one transaction.

        Returns
        -------
        int
            The offset in the changelog just after the last record written there.

        Raises
        ------
        Fenced
            Somebody else owns the lane.
        schemas.errors.TransientError
            Whether it was committed is unknown: reopen and restore.
        """
        ...

    def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        """Committed changelog records ``(offset, key, value)`` from ``start`` to its end now, in chunks."""
        ...

    async def changelog_end(self) -> int:
        """The offset after the last record of the changelog, as the broker has it now."""
        ...

    async def end_offset(self) -> int:
        """The high watermark of the lane's input, as the broker has it now (open transactions included)."""
        ...

    async def first_offset(self) -> int:
        """The first offset that the lane's input still holds."""
        ...

    async def close(self) -> None:
        """Give up writing; idempotent."""


class Stored(msgspec.Struct, gc=False):
    """A customer's parts as bytes, by part name (``models.customer.snapshot``), with what the view shows of it.

    Without a ``document`` only parts are stored, such as those of an ``alias``; ``due`` and ``clock_id`` then say nothing.
    Where ``fresh``, all that was there of the customer goes first.
    """

    parts: dict[str, bytes]
    document: bytes | None
    due: int | None
    clock_id: str
    born: bool = False
    fresh: bool = False
    alias: bool = False


@dataclass(slots=True)
class Update:
    """What one committed transaction changes in the view.

    Attributes
    ----------
    customers
        By id; None removes.
    ledger
        The lane's ledger, as bytes; empty leaves it unchanged.
    sizes
        Customers by ``segmentation/segment``: absolute numbers.
    models
        Cluster model bodies by version.
    closed
        Imports that ended: their due times join the lane's.
    definitions
        Texts of declared segmentations by version.
    erased
        Erases to remember, by hash of the id; empty ones are forgotten.
    """

    customers: Mapping[str, Stored | None]
    ledger: bytes
    sizes: Mapping[str, int]
    models: Mapping[str, bytes] = field(default_factory=dict)
    closed: Sequence[str] = ()
    definitions: Mapping[int, bytes] = field(default_factory=dict)
    erased: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Read:
    """An answer of the view, of one instant.

    Attributes
    ----------
    customers
        Parts of the requested customers that exist.
    due
        Ids that are due.
    lost
        Requested ids that the view knows, and whose parts are gone.
    count
        Customers that the view knows, ids joined to others not counted.
    whole
        Whether its indexes (ids, aliases, due times, versions, erases) have as many entries as were written.
    taken
        Whether there is any token, be it of another layout.
    """

    token: str | None
    customers: dict[str, dict[str, bytes]]
    due: list[str]
    lost: list[str]
    count: int
    whole: bool
    taken: bool


class LaneView(Protocol):
    """The readable view of one lane. It can be lost at any time: everything in it is in the changelog.

    Its ``token`` names the changelog position it shows. Writes are compare-and-set on it, so a late write of a
    former owner, a repeated one, and a wiped or rolled-back server are all noticed.
    """

    waiting: bool
    """Whether a call waits just now for a server that is away, full or not yet ready."""

    async def read(self, ids: Sequence[str], dues: Mapping[str, int], limit: int) -> Read:
        """Parts of customers, and up to ``limit`` ids due by each clock, at one instant of the view."""
        ...

    async def ready(self) -> None:
        """Return when the server keeps what is written to it; one that drops keys would lose a view while it is filled."""
        ...

    async def ledger(self) -> bytes | None:
        """The ledger last written, if any."""
        ...

    async def models(self) -> dict[str, bytes]:
        """Bodies of published models by name (``keys.model_name``)."""
        ...

    async def definitions(self) -> dict[int, bytes]:
        """Texts of declared segmentations by version."""
        ...

    async def erased(self) -> dict[str, bytes]:
        """Remembered erases by hash of the id."""
        ...

    async def ids_after(self, id: str, limit: int) -> list[str]:
        """Up to ``limit`` customer ids in byte order after ``id`` ("" for the first)."""
        ...

    async def trouble(self) -> bytes | None:
        """What an owner of the lane noted about its trouble (``trouble``), if anything. Outside of the token's guard."""
        ...

    async def note_trouble(self, note: bytes | None) -> None:
        """Note it, or remove the note. Outside of the token's guard; `wipe` leaves it."""
        ...

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        """Apply an update if the token is ``expected`` and the view whole; true also if the token is ``token`` already."""
        ...

    async def wipe(self, token: str) -> None:
        """Empty the lane's view and set its token."""
        ...


class WallClock(Protocol):
    """The processing time; the only one in the service."""

    def now_ms(self) -> int: ...
