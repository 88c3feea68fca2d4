"""The part of Redis that an import uses: past imports, waiting dues, and every customer's segments."""

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
        The content's hash, and the number of earlier imports of that content.
    finished
        Whether all of it was written and applied.
    starts, changes_from
        The first offset of its records by lane, and of the changes it may have caused.
    before
        The ledgers' totals at its start: its result is the difference.
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
    """Decode a stored record, written by this release or an older one.

    Raises
    ------
    msgspec.ValidationError
        The bytes do not come from `remember`.
    """
    return msgspec.json.decode(raw, type=ImportRecord)


class ImportView:
    """Reads and writes beside the lanes' own keys; blocking.

    Imports are stored under ``PREFIX:imports``. If Redis loses them, a second import is no longer refused; its events
    are still dropped as duplicates, within the dedupe window.
    """

    def __init__(self, client: redis.Redis, prefix: str, lanes: int) -> None:
        self._client = client
        self._prefix = prefix
        self._lanes = lanes
        self._key = imports_key(prefix)

    def imports(self) -> list[ImportRecord]:
        """All imports, the oldest first."""
        with plain_errors(self._client):
            held: dict[Any, Any] = self._client.hgetall(self._key)
        return sorted(map(record_of, held.values()), key=lambda one: one.begun_ms)

    def remember(self, record: ImportRecord) -> None:
        """Store an import, or update it."""
        with plain_errors(self._client):
            self._client.hset(self._key, record.import_id, json.dumps(asdict(record)))

    def ids(self) -> Iterator[str]:
        """Yield every customer's id, lane by lane in order."""
        return chain.from_iterable(self.ids_of(lane) for lane in range(self._lanes))

    def ids_of(self, lane: int) -> Iterator[str]:
        """Yield the ids of a lane's customers in order."""
        key, last = LaneKeys(self._prefix, lane).ids, "-"
        while True:
            with plain_errors(self._client):
                found: list[Any] = self._client.zrangebylex(key, last, "+", start=0, num=_CHUNK)
            if not found:
                return
            last = f"({found[-1].decode()}"
            yield from (id.decode() for id in found)

    def forget_all(self) -> None:
        """Delete all keys under the prefix: the view of all lanes, and the stored imports."""
        with plain_errors(self._client):
            found = self._client.scan_iter(match=f"{literal(root(self._prefix))}:*", count=_CHUNK)
            while batch := list(islice(found, _CHUNK)):
                self._client.unlink(*batch)

    def server(self) -> str:
        """Name and version of the server, such as ``valkey 9.1.0``."""
        return server_of(self._client)

    def memory_used(self) -> int:
        """Bytes that Redis uses for all of its data, including other applications'."""
        return int(info_of(self._client)["used_memory"])

    def dues_waiting(self, ledgers: Iterable[Ledger]) -> int:
        """Number of customers whose due has passed by the lanes' clocks and is not yet applied."""
        with plain_errors(self._client):
            return sum(
                int(self._client.zcount(LaneKeys(self._prefix, one.partition).due(""), "-inf", one.clock))
                for one in ledgers
            )

    def segments(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield every customer's id and segment by segmentation, lane by lane in order of ids."""
        for lane in range(self._lanes):
            keys, ids = LaneKeys(self._prefix, lane), self.ids_of(lane)
            while names := list(islice(ids, _CHUNK)):
                with plain_errors(self._client):
                    documents: list[Any] = self._client.mget([keys.document(id) for id in names])
                for id, raw in zip(names, documents, strict=True):
                    # Erased since the ids were read.
                    if raw is not None:
                        shown: dict[str, Any] = json.loads(raw)
                        yield id, shown["segments"]
