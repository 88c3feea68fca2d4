"""Define the ports of ``act``'s owner, except the log that it shares with the model owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from models.customer.customer import Customer
from schemas.records import LogRecord
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.render import Rendered

Source = tuple[str, int]
"""A topic without prefix, and a partition."""


class Fetched(NamedTuple):
    """Records of one source, and the offset after them, including gaps."""

    source: Source
    records: Sequence[LogRecord]
    end: int


class Inputs(Protocol):
    """The committed changes and events of all lanes."""

    async def open(self, starts: Mapping[Source, int]) -> None:
        """Start each source at its offset, or at its first available record if it has none or retention deleted it."""
        ...

    async def poll(self, seconds: float) -> list[Fetched]:
        """Return new records, waiting up to ``seconds`` for some."""
        ...

    async def ends(self, topic: str) -> dict[Source, int]:
        """Return the broker's current high watermarks of a topic's lanes."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer in the view, with the lane's next offset and clock (ms) at the same instant."""

    customer: Customer | None
    next_offset: int
    clock: int

    def shows_all(self, end: int, now: int) -> bool:
        """Return whether the view includes everything before ``end`` in the lane and all effects of time up to ``now`` (ms)."""
        customer = self.customer
        return self.next_offset >= end and (customer is None or customer.due is None or customer.due > now)


class Customers(Protocol):
    """Read access to the views of all lanes. Raises TransientError while unavailable; messages wait then."""

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        """Return each customer with the position of its lane. An id joined to another customer has no customer."""
        ...

    async def clock(self) -> int:
        """Return the lowest clock (ms) of all lanes; 0 if one has never run."""
        ...

    async def count(self) -> int:
        """Return the number of customers."""
        ...


Begun = Literal["never", "begun", "answered", "unknown"]


class Journal(Protocol):
    """A local, synced record of begun calls, which tells a restart on the same machine more than Kafka does.

    It only reduces doubt: without it, every claim is doubtful.
    """

    @property
    def name(self) -> str:
        """Name of this journal in claims."""
        ...

    async def begin(self, id: str, attempt: int) -> None:
        """Write and sync that a call is about to be made."""
        ...

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        """Write and sync the result of a call."""
        ...

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        """Return a previous owner's record of a call: ``unknown`` if the journal is missing or its owner may be alive."""
        ...

    def forget(self, journals: Iterable[str]) -> None:
        """Remove the journals of previous owners that are not among these."""
        ...

    def close(self) -> None: ...


class Sender(Protocol):
    """Makes the calls of one kind of channel. Never raises: every failure is an answer."""

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        """Make one call.

        Parameters
        ----------
        begun
            Await it right before the point from which the call may take effect.
        """
        ...

    async def close(self) -> None: ...


class Begin(Protocol):
    """Records that a call begins. False means not to make it, because this process may no longer be the owner."""

    async def __call__(self) -> bool: ...
