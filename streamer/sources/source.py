"""Define the interface that imports, replays and the demo read from: a stream of events other than Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One record to be published.

    Attributes
    ----------
    occurred_at
        Event time, epoch ms UTC. For a broken record without one, that of the previous record.
    key
        The record's key (the customer id); ``None`` if the value names no customer, so that the lane
        dead-letters it.
    value
        The bare JSON event, or the unchanged invalid text.
    """

    occurred_at: int
    key: bytes | None
    value: bytes


class Source(Protocol):
    """A finite stream of events that can be read repeatedly from its start and yields the same bytes each time."""

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of a file's uncompressed bytes, or of the simulated shop's parameters."""
        ...

    @property
    def rows(self) -> int | None:
        """Rows read so far (all, once the iteration has ended); ``None`` before the first read."""
        ...

    @property
    def skipped(self) -> Counter[str]:
        """Rows read so far that yielded no event, by reason."""
        ...

    def events(self) -> Iterator[SourceEvent]:
        """Yield the events in arrival order. Each call starts at the first row and resets ``rows`` and ``skipped``.

        Raises
        ------
        UserError
            The file does not match its format, or is damaged.
        """
        ...


class FileSource(Source, Protocol):
    """A source read from a file, in which each event begins on a line."""

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the events, each with the number of the line (from 1) on which it begins; see `events`."""
        ...
