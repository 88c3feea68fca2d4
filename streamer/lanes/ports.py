"""Define the ports of a lane: a transactional log, a readable view, a clock.

``adapters/memory.py`` implements them in memory; ``adapters/kafka.py`` and ``adapters/redis.py`` use real servers. One
contract suite tests both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from schemas.records import Headers, LogRecord


class Fenced(Exception):
    """Raised when another owner has taken the lane. This process must end without any further effect."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records fetched from one lane, and the offsets ``[start, end)`` they cover, including gaps."""

    start: int
    end: int
    records: Sequence[LogRecord]


class Write(msgspec.Struct, frozen=True, gc=False):
    """A record to write. A ``value`` of None is a tombstone."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Writes = dict[tuple[str, int], list[Write]]
"""Records to write in one transaction, by topic (without prefix) and partition."""


class LaneLog(Protocol):
    """The log, as one lane writes it. Only that lane uses it, from one task at a time."""

    async def open(self) -> None:
        """Become the lane's only writer: fence the previous owner and end its open transaction."""

    async def commit(self, writes: Writes, next_offset: int) -> int:
        """Write all records and the consumed offset in one transaction.

        Returns
        -------
        int
            The changelog offset just after the last record written there.

        Raises
        ------
        Fenced
            Another process owns the lane.
        schemas.errors.TransientError
            It is unknown whether the transaction was committed; reopen and restore.
        """
        ...

    def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        """Yield committed changelog records ``(offset, key, value)`` from ``start`` to the current end, in chunks."""
        ...

    async def changelog_end(self) -> int:
        """Return the broker's current offset after the last record of the changelog."""
        ...

    async def end_offset(self) -> int:
        """Return the broker's current high watermark of the lane's input (open transactions included)."""
        ...

    async def first_offset(self) -> int:
        """Return the first offset that the lane's input still holds."""
        ...

    async def close(self) -> None:
        """Stop writing and close; idempotent."""


class Stored(msgspec.Struct, gc=False):
    """A customer's parts as bytes, by part name (``models.customer.snapshot``), and its document for the view.

    Without a ``document``, as for an ``alias``, only the parts are stored, and ``due`` and ``clock_id`` are ignored.
    If ``fresh``, everything previously stored for the customer is deleted first.
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
    """A committed transaction's changes to the view.

    Attributes
    ----------
    customers
        Stored customers by id; None removes one.
    ledger
        The lane's ledger, as bytes; empty leaves it unchanged.
    sizes
        Number of customers by ``segmentation/segment``, absolute.
    models
        Model bodies by name.
    closed
        Ended imports, whose due times move to the lane's clock.
    definitions
        Texts of declared segmentations, by version.
    erased
        Erases to remember, by hash of the id; an empty value forgets one.
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
    """The result of one consistent read of the view.

    Attributes
    ----------
    customers
        Parts of the requested customers that exist.
    due
        Ids that are due.
    lost
        Requested ids that the view lists but whose parts are gone.
    count
        Number of customers in the view, without ids joined to others.
    whole
        Whether the view's indexes (ids, aliases, due times, versions, erases) have as many entries as were written.
    taken
        Whether a token exists, even of another layout.
    """

    token: str | None
    customers: dict[str, dict[str, bytes]]
    due: list[str]
    lost: list[str]
    count: int
    whole: bool
    taken: bool


class LaneView(Protocol):
    """The readable view of one lane. It may be lost at any time: the changelog contains all of it.

    Its ``token`` names the changelog position that it shows. Writes are compare-and-set on the token, which detects a
    previous owner's late write, a repeated write, and a wiped or rolled-back server.
    """

    waiting: bool
    """Whether a call is waiting for a server that is unavailable, full or not yet ready."""

    async def read(self, ids: Sequence[str], dues: Mapping[str, int], limit: int) -> Read:
        """Read parts of customers and up to ``limit`` ids due by each clock, at one instant of the view."""
        ...

    async def ready(self) -> None:
        """Wait until the server retains writes. A server that evicts keys would lose a view while it is filled."""
        ...

    async def ledger(self) -> bytes | None:
        """Return the ledger last written, if any."""
        ...

    async def models(self) -> dict[str, bytes]:
        """Return the bodies of published models, by name (``keys.model_name``)."""
        ...

    async def definitions(self) -> dict[int, bytes]:
        """Return the texts of declared segmentations, by version."""
        ...

    async def erased(self) -> dict[str, bytes]:
        """Return the remembered erases, by hash of the id."""
        ...

    async def ids_after(self, id: str, limit: int) -> list[str]:
        """Return up to ``limit`` customer ids after ``id`` in byte order; "" starts at the first."""
        ...

    async def trouble(self) -> bytes | None:
        """Return the previous owner's note about the lane's trouble (``trouble``), if any. Not guarded by the token."""
        ...

    async def note_trouble(self, note: bytes | None) -> None:
        """Write the note, or remove it if None. Not guarded by the token; `wipe` keeps the note."""
        ...

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        """Apply an update if the token is ``expected`` and the view is complete.

        Returns True also if the token already is ``token``.
        """
        ...

    async def wipe(self, token: str) -> None:
        """Empty the lane's view and set its token."""
        ...


class WallClock(Protocol):
    """Processing time; the service has no other clock."""

    def now_ms(self) -> int: ...
