"""Keep log and view in memory, for tests without servers. They pass the same contract suite as Kafka and Redis.

They keep the guarantees of the ports: commits are atomic, fenced writers are rejected, view writes are compare-and-set,
and the view can be wiped independently of the lane. `streamer.replay` does not use them, because it decides without a
log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas import topics
from schemas.records import Record
from streamer.adapters.redis_keys import LAYOUT
from streamer.lanes.ports import Fenced, Read, Stored, Update, Write, Writes

_CHUNK = 1_000


class MemoryBroker:
    """All topics of one service: records by topic and partition, plus offsets and owners of lanes."""

    def __init__(self, now_ms: int = 0) -> None:
        self.now_ms = now_ms
        self.topics: dict[tuple[str, int], list[Record]] = {}
        self.committed: dict[int, int] = {}
        self.epochs: dict[int, int] = {}

    def append(self, topic: str, partition: int, write: Write, timestamp: int | None = None) -> int:
        """Append one record and return its offset."""
        records = self.topics.setdefault((topic, partition), [])
        offset = len(records)
        at = self.now_ms if timestamp is None else timestamp
        records.append(Record(partition, offset, at, write.key, write.value, tuple(write.headers)))
        return offset

    def records(self, topic: str, partition: int = 0) -> list[Record]:
        """Return the records of one partition of a topic."""
        return self.topics.get((topic, partition), [])


class MemoryLog:
    """A `LaneLog` of one lane over a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, lane: int) -> None:
        self._broker = broker
        self._lane = lane
        self._epoch = -1

    async def open(self) -> None:
        self._epoch = self._broker.epochs[self._lane] = self._broker.epochs.get(self._lane, 0) + 1

    async def commit(self, writes: Writes, next_offset: int) -> int:
        if self._epoch != self._broker.epochs.get(self._lane):
            raise Fenced(f"lane {self._lane} has another owner")
        for (topic, partition), records in writes.items():
            for record in records:
                self._broker.append(topic, partition, record)
        self._broker.committed[self._lane] = next_offset
        return len(self._broker.records(topics.STATE, self._lane))

    async def changelog(self, start: int) -> AsyncIterator[list[tuple[int, bytes, bytes | None]]]:
        records = self._broker.records(topics.STATE, self._lane)[start:]
        for at in range(0, len(records), _CHUNK):
            yield [(r.offset, r.key or b"", r.value) for r in records[at : at + _CHUNK]]

    async def changelog_end(self) -> int:
        return len(self._broker.records(topics.STATE, self._lane))

    async def end_offset(self) -> int:
        return len(self._broker.records(topics.EVENTS, self._lane))

    async def first_offset(self) -> int:
        return 0

    async def close(self) -> None:
        self._epoch = -1


@dataclass(slots=True)
class Shelf:
    """One lane's data as a server stores it. ``layout`` is that of the release that wrote it."""

    layout: int = LAYOUT
    parts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    dues: dict[str, dict[str, int]] = field(default_factory=dict)
    models: dict[str, bytes] = field(default_factory=dict)
    definitions: dict[int, bytes] = field(default_factory=dict)
    erased: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    ledger: bytes | None = None
    token: str | None = None
    trouble: bytes | None = None
    aliases: set[str] = field(default_factory=set)
    counts: tuple[int, ...] | None = None

    def counted(self) -> tuple[int, ...]:
        """Return the number of entries in each index."""
        due = sum(len(one) for one in self.dues.values())
        others = (self.documents, self.aliases, self.models, self.definitions, self.erased, self.sizes)
        return (due, *map(len, others), self.ledger is not None)

    @property
    def is_whole(self) -> bool:
        """Whether the indexes have the sizes last written."""
        counted = self.counted()
        return not any(counted) if self.counts is None else counted == self.counts


class MemoryServer:
    """Holds the data of one lane; views of several releases may share it."""

    def __init__(self) -> None:
        self.shelf = Shelf()


class MemoryView:
    """A `LaneView` of one lane, as read and written by a release with this ``layout``."""

    waiting = False

    def __init__(self, server: MemoryServer | None = None, layout: int = LAYOUT) -> None:
        self._server = server or MemoryServer()
        self._layout = layout

    @property
    def shelf(self) -> Shelf:
        """All data on the server, whichever release wrote it."""
        return self._server.shelf

    def lose(self) -> None:
        """Lose all data, like a server without persistence."""
        self._server.shelf = Shelf()

    def _ours(self) -> Shelf:
        """Return the data visible to this release: none if another release filled the lane."""
        shelf = self._server.shelf
        return shelf if shelf.layout == self._layout else Shelf()

    async def read(self, ids: Sequence[str], dues: Mapping[str, int], limit: int) -> Read:
        shelf = self._ours()
        due: list[str] = []
        for clock_id, clock in dues.items():
            ripe = sorted((at, id) for id, at in shelf.dues.get(clock_id, {}).items() if at <= clock)
            due.extend(id for _, id in ripe[: limit - len(due)])
        found = {id: dict(shelf.parts[id]) for id in ids if id in shelf.parts}
        lost = [id for id in ids if (id in shelf.documents or id in shelf.aliases) and id not in shelf.parts]
        taken = self.shelf.token is not None
        return Read(shelf.token, found, due, lost, len(shelf.documents), shelf.is_whole, taken)

    async def ready(self) -> None:
        """Do nothing, because this server never drops anything."""

    async def ledger(self) -> bytes | None:
        return self._ours().ledger

    async def models(self) -> dict[str, bytes]:
        return dict(self._ours().models)

    async def definitions(self) -> dict[int, bytes]:
        return dict(self._ours().definitions)

    async def erased(self) -> dict[str, bytes]:
        return dict(self._ours().erased)

    async def ids_after(self, id: str, limit: int) -> list[str]:
        return [name for name in sorted(self._ours().documents) if name > id][:limit]

    async def trouble(self) -> bytes | None:
        return self._ours().trouble

    async def note_trouble(self, note: bytes | None) -> None:
        self.shelf.trouble = note

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        shelf = self.shelf
        if shelf.token is None:
            shelf.layout = self._layout
        elif shelf.layout != self._layout:
            return False
        if shelf.token != expected:
            return shelf.token == token
        if shelf.token is not None and not shelf.is_whole:
            return False
        for id, stored in update.customers.items():
            if stored is None or stored.fresh:
                _remove(shelf, id)
            if stored is not None:
                _put(shelf, id, stored)
        for clock_id in update.closed:
            shelf.dues.setdefault("", {}).update(shelf.dues.pop(clock_id, {}))
        shelf.models.update(update.models)
        shelf.definitions.update(update.definitions)
        shelf.erased = {name: mark for name, mark in {**shelf.erased, **update.erased}.items() if mark}
        if update.ledger:
            shelf.ledger = update.ledger
            shelf.sizes = dict(update.sizes)
        shelf.token = token
        shelf.counts = shelf.counted()
        return True

    async def wipe(self, token: str) -> None:
        self._server.shelf = Shelf(self._layout, token=token, trouble=self._ours().trouble)


def _remove(shelf: Shelf, id: str) -> None:
    shelf.parts.pop(id, None)
    shelf.documents.pop(id, None)
    shelf.aliases.discard(id)
    for dues in shelf.dues.values():
        dues.pop(id, None)


def _put(shelf: Shelf, id: str, stored: Stored) -> None:
    shelf.parts.setdefault(id, {}).update(stored.parts)
    if stored.alias:
        shelf.aliases.add(id)
    if stored.document is None:
        return
    shelf.aliases.discard(id)
    shelf.documents[id] = stored.document
    for dues in shelf.dues.values():
        dues.pop(id, None)
    if stored.due is not None:
        shelf.dues.setdefault(stored.clock_id, {})[id] = stored.due
