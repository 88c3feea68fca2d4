"""What an import, a replay or the demo reads from: a stream of events that is not Kafka."""

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
        Event time, epoch ms UTC. Where a broken record has none, the one of the record before it.
    key
        The record's key (the customer id); ``None`` where the value names no customer, so that the lane
        dead-letters it.
    value
        The bare JSON event, or whatever stood in its place.
    """

    occurred_at: int
    key: bytes | None
    value: bytes


class Source(Protocol):
    """A finite stream of events that can be read again from its start and gives the same bytes each time."""

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the content: of a file's bytes unpacked, of the simulated shop's parameters."""
        ...

    @property
    def rows(self) -> int | None:
        """Rows read so far (all, once the iteration has ended); ``None`` before the first read."""
        ...

    @property
    def skipped(self) -> Counter[str]:
        """Rows read so far that became no event, by reason."""
        ...

    def events(self) -> Iterator[SourceEvent]:
        """The events in order of arrival. Each call starts at the first row and resets ``rows`` and ``skipped``.

        Raises
        ------
        UserError
            The file is not what its format says, or is damaged.
        """
        ...


class FileSource(Source, Protocol):
    """A source that is a file: each of its events begins in a line."""

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """The events, each with the number of the line (from 1) in which it begins; see `events`."""
        ...
