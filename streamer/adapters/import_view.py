"""Read and write the data in Redis that an import uses: past imports, waiting dues, and every customer's segments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from typing import Any

import msgspec
import redis

from streamer.adapters.redis_keys import LaneKeys, imports_key, literal, root
from streamer.adapters.redis_reader import Totals, info_of, plain_errors, server_of
from streamer.core.ledger import Ledger

_CHUNK = 1_000


@dataclass
class ImportRecord:
    """The stored record of an import.

    Attributes
    ----------
    import_id
        Hash of the content, and the number of earlier imports of it.
    finished
        Whether all of it was written and applied.
    starts, changes_from
        First offset, by lane, of its records and of the changes it may have caused.
    before
        Totals of the ledgers at its start, which its result subtracts.
    """

    import_id: str
    source_hash: str
    name: str
    begun_ms: int
    finished: bool = False
    starts: dict[int, int] = field(default_factory=dict)
    changes_from: dict[int, int] = field(default_factory=dict)
    before: Totals | None = None


def record_of(raw: bytes) -> ImportRecord:
    """Decode a record stored by this release or an older one.

    Raises
    ------
    msgspec.ValidationError
        The bytes were not written by `remember`.
    """
    return msgspec.json.decode(raw, type=ImportRecord)


class ImportView:
    """Reads and writes data other than the lanes' own keys; blocking.

    Imports are stored under ``PREFIX:imports``. If Redis loses them, a second import is no longer refused, but its
    events are still dropped as duplicates within the dedupe window.
    """

    def __init__(self, client: redis.Redis, prefix: str, lanes: int) -> None:
        self._client = client
        self._prefix = prefix
        self._lanes = lanes
        self._key = imports_key(prefix)

    def imports(self) -> list[ImportRecord]:
        """Return all imports, oldest first."""
        with plain_errors(self._client):
            held: dict[Any, Any] = self._client.hgetall(self._key)
        return sorted(map(record_of, held.values()), key=lambda one: one.begun_ms)

    def remember(self, record: ImportRecord) -> None:
        """Store or update an import."""
        with plain_errors(self._client):
            self._client.hset(self._key, record.import_id, json.dumps(asdict(record)))

    def ids(self) -> Iterator[str]:
        """Yield every customer's id, lane by lane in order."""
        return chain.from_iterable(self.ids_of(lane) for lane in range(self._lanes))

    def ids_of(self, lane: int) -> Iterator[str]:
        """Yield the ids of a lane's customers, in order."""
        key, last = LaneKeys(self._prefix, lane).ids, "-"
        while True:
            with plain_errors(self._client):
                found: list[Any] = self._client.zrangebylex(key, last, "+", start=0, num=_CHUNK)
            if not found:
                return
            last = f"({found[-1].decode()}"
            yield from (id.decode() for id in found)

    def forget_all(self) -> None:
        """Delete all keys under the prefix: the views of all lanes and the stored imports."""
        with plain_errors(self._client):
            found = self._client.scan_iter(match=f"{literal(root(self._prefix))}:*", count=_CHUNK)
            while batch := list(islice(found, _CHUNK)):
                self._client.unlink(*batch)

    def server(self) -> str:
        """Return name and version of the server, such as ``valkey 9.1.0``."""
        return server_of(self._client)

    def memory_used(self) -> int:
        """Return the bytes that Redis uses for all of its data, including other applications'."""
        return int(info_of(self._client)["used_memory"])

    def dues_waiting(self, ledgers: Iterable[Ledger]) -> int:
        """Return the number of customers who are due by their lanes' clocks and not yet updated."""
        with plain_errors(self._client):
            return sum(
                int(self._client.zcount(LaneKeys(self._prefix, one.partition).due(""), "-inf", one.clock))
                for one in ledgers
            )

    def segments(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield every customer's id and segments by segmentation, lane by lane in id order."""
        for lane in range(self._lanes):
            keys, ids = LaneKeys(self._prefix, lane), self.ids_of(lane)
            while names := list(islice(ids, _CHUNK)):
                with plain_errors(self._client):
                    documents: list[Any] = self._client.mget([keys.document(id) for id in names])
                for id, raw in zip(names, documents, strict=True):
                    # The customer was erased since the ids were read.
                    if raw is not None:
                        shown: dict[str, Any] = json.loads(raw)
                        yield id, shown["segments"]
