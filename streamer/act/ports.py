"""What the owner of ``act`` needs from the world, beside the log that it shares with the model owner."""

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
    """Records of one source, and the offset after them, gaps included."""

    source: Source
    records: Sequence[LogRecord]
    end: int


class Inputs(Protocol):
    """The changes and the events, of all lanes, read committed."""

    async def open(self, starts: Mapping[Source, int]) -> None:
        """Read each source from an offset; where none is given, or its records left by age, from the first that it holds."""
        ...

    async def poll(self, seconds: float) -> list[Fetched]:
        """What has come, waiting up to ``seconds`` for something."""
        ...

    async def ends(self, topic: str) -> dict[Source, int]:
        """The high watermarks of a topic's lanes, asked of the broker now."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer in the view, and the lane's next offset and clock (ms) of the same instant."""

    customer: Customer | None
    next_offset: int
    clock: int

    def shows_all(self, end: int, now: int) -> bool:
        """Whether all that lies before ``end`` in the lane is in it, and what time alone did up to ``now`` (ms)."""
        customer = self.customer
        return self.next_offset >= end and (customer is None or customer.due is None or customer.due > now)


class Customers(Protocol):
    """The readable view of all lanes, for reading only. Raises TransientError while it is away: messages then wait."""

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        """Each customer with their lane's standing. An id that was joined to another customer has no customer."""
        ...

    async def clock(self) -> int:
        """The least clock (ms) of all lanes; 0 where a lane has never run."""
        ...

    async def count(self) -> int:
        """How many customers there are."""
        ...


Begun = Literal["never", "begun", "answered", "unknown"]


class Journal(Protocol):
    """A local, synced note of the calls that were begun, by which a restart on the same machine knows more than Kafka.

    It only narrows doubt: without it every claim is in doubt.
    """

    @property
    def name(self) -> str:
        """What claims call this journal."""
        ...

    async def begin(self, id: str, attempt: int) -> None:
        """Note, synced, that a call is about to be made."""
        ...

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        """Note, synced, how it ended."""
        ...

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        """What a former owner's journal says of a call; ``unknown`` where it is elsewhere, or its owner may still live."""
        ...

    def forget(self, journals: Iterable[str]) -> None:
        """Remove the journals of former owners that are not among these."""
        ...

    def close(self) -> None: ...


class Sender(Protocol):
    """Makes the calls of one kind of channel. Never raises; whatever happens is an answer."""

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        """Make one call.

        Parameters
        ----------
        begun
            To be awaited right before the point from which on the call may take effect.
        """
        ...

    async def close(self) -> None: ...


class Begin(Protocol):
    """Notes that a call begins. False: it must not be made, since this process may not be the owner any more."""

    async def __call__(self) -> bool: ...
