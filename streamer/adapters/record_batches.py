"""Read fetched batches for both Kafka clients, so that no single batch can end the process that reads it.

The clients unpack fetched batches without a memory limit, support few codecs, and raise internal errors on unexpected
batches. `install` replaces their reader with `Batches`, which unpacks with a limit (`unpack`), leaves the rest to the
client's own reader, and if that raises, reads the batch itself:

- it drops a header whose name is not UTF-8, and keeps the record;
- it turns a batch above the limit, or an unreadable one, into one record whose value is an `UnopenedBatch`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import structlog

from schemas.records import UnopenedBatch
from streamer.adapters.unpack import CODECS, TooLarge, Unreadable, unpack

log = structlog.get_logger(__name__)

DEFAULT_MAX_BATCH_BYTES: Final = 64 * 2**20

_PREFIX: Final = struct.Struct(">qi")  # base offset, length of the rest
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_MAGIC_AT, _ATTRIBUTES_AT = 16, 21
_CODEC_MASK, _APPEND_TIME_MASK = 0x07, 0x08
_PREVIEW_BYTES: Final = 1_000


@dataclass(slots=True)
class Limit:
    """Maximum size of an unpacked batch in bytes, shared by all consumers of the process."""

    max_batch_bytes: int = DEFAULT_MAX_BATCH_BYTES


LIMIT: Final = Limit()


def install(fetcher: ModuleType, older: Callable[[bytes], Any], batch_type: Callable[[Any], Any]) -> None:
    """Make the consumers of a client read through `Batches`.

    Parameters
    ----------
    fetcher
        Module of the client that creates ``MemoryRecords`` from fetched data.
    older, batch_type
        See `Batches`.
    """
    # Neither client offers an argument for this, so replace a module variable.
    fetcher.MemoryRecords = lambda data: Batches(data, batch_type, older)  # type: ignore[attr-defined]


class Batches:
    """Batches of one fetched partition, with the interface of the clients' ``MemoryRecords``.

    Parameters
    ----------
    batch_type
        Class of the client for a batch of the current format.
    older
        ``MemoryRecords`` of the client, for batches of older formats.
    """

    def __init__(self, data: bytes, batch_type: Callable[[Any], Any], older: Callable[[bytes], Any]) -> None:
        self._data = memoryview(data)
        self._batch_type = batch_type
        self._older = older
        self._at = 0
        self._end = self._next_end()

    def _next_end(self) -> int:
        """Return the end of the batch that begins at ``_at``; 0 if it is incomplete."""
        if len(self._data) - self._at < _PREFIX.size:
            return 0
        _, length = _PREFIX.unpack_from(self._data, self._at)
        end = self._at + _PREFIX.size + int(length)
        return end if end <= len(self._data) else 0

    def size_in_bytes(self) -> int:
        return len(self._data)

    def has_next(self) -> bool:
        return self._end > 0

    def next_batch(self) -> Any:
        """Return the next batch, or None."""
        if not self._end:
            return None
        whole = self._data[self._at : self._end]
        self._at = self._end
        self._end = self._next_end()
        if whole[_MAGIC_AT] < 2:
            return self._older(bytes(whole)).next_batch()
        return Batch(whole, self._batch_type)


class Batch:
    """One batch. The client's own class handles everything but the records."""

    def __init__(self, whole: memoryview, batch_type: Callable[[Any], Any]) -> None:
        self._whole = whole
        self._batch_type = batch_type
        self._header = self._client = batch_type(whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._header, name)

    def __next__(self) -> Any:
        return next(self._client)

    def validate_crc(self) -> bool:
        """Return True. `__iter__` checks the CRC, because a batch damaged on disk must not be fetched forever."""
        return True

    def __iter__(self) -> Iterator[Any]:
        taken = 0
        try:
            if not self._header.validate_crc():
                raise Unreadable("its checksum is wrong")
            whole = self._unpacked()
            try:
                for record in self._batch_type(whole) if whole is not self._whole else self._client:
                    yield record
                    taken += 1
            except Exception as error:  # any error of the client's reader
                log.warning("re-reading a record batch", offset=self._header.base_offset, error=repr(error))
                for number, ours in enumerate(read(whole)):
                    if number >= taken:
                        yield ours
                        taken += 1
        except TooLarge as large:
            why = f"it unpacks to more than {LIMIT.max_batch_bytes:,} bytes"
            yield self._unopened(taken, large.preview, why, oversize=True)
        except (Unreadable, struct.error, IndexError, ValueError) as error:
            yield self._unopened(taken, bytes(self._whole[_HEADER.size :])[:_PREVIEW_BYTES], str(error), oversize=False)

    def _unpacked(self) -> memoryview:
        """Return the batch with unpacked records and updated attributes."""
        codec = int(_HEADER.unpack_from(self._whole)[5]) & _CODEC_MASK
        if codec == 0:
            return self._whole
        opened = unpack(codec, bytes(self._whole[_HEADER.size :]), LIMIT.max_batch_bytes)
        whole = bytearray(self._whole[: _HEADER.size])
        whole += opened
        (attributes,) = struct.unpack_from(">h", whole, _ATTRIBUTES_AT)
        struct.pack_into(">h", whole, _ATTRIBUTES_AT, attributes & ~_CODEC_MASK)
        return memoryview(whole)

    def _unopened(self, taken: int, preview: bytes, why: str, *, oversize: bool) -> Record:
        base, _, _, _, _, attributes, last_delta, _, latest, _, _, _, count = _HEADER.unpack_from(self._whole)
        value = UnopenedBatch(
            preview,
            first=base + taken,
            last=base + last_delta,
            records=max(1, count - taken),
            codec=CODECS.get(attributes & _CODEC_MASK, f"number {attributes & _CODEC_MASK}"),
            why=why,
            oversize=oversize,
        )
        # Placed at the last offset, so that a reader that starts inside the batch does not skip it.
        return Record(base + last_delta, latest, 0, None, value, [])


@dataclass(slots=True)
class Record:
    """A record with the attributes that either client reads."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: None = None

    @property
    def size_in_bytes(self) -> int:
        return len(self.key or b"") + len(self.value or b"")

    def validate_crc(self) -> bool:
        return True


def read(whole: memoryview) -> Iterator[Record]:
    """Yield the records of an unpacked batch without headers whose name is not UTF-8.

    Raises
    ------
    Unreadable, IndexError, ValueError
        The batch violates Kafka's format.
    """
    base, _, _, _, _, attributes, _, first, latest, _, _, _, count = _HEADER.unpack_from(whole)
    appended = bool(attributes & _APPEND_TIME_MASK)
    fields = _Fields(whole, _HEADER.size)
    for _ in range(count):
        end = fields.number()
        end += fields.at
        fields.at += 1  # attributes, unused
        timestamp = first + fields.number()
        offset = base + fields.number()
        key, value = fields.text(), fields.text()
        headers: list[tuple[str, bytes | None]] = []
        for _ in range(fields.number()):
            name, header = fields.text(), fields.text()
            if name is None:
                raise Unreadable("a header without a name")
            try:
                headers.append((name.decode(), header))
            except UnicodeDecodeError:
                continue
        if fields.at != end:
            raise Unreadable("the length of a record is wrong")
        yield Record(offset, latest if appended else timestamp, int(appended), key, value, headers)
    if fields.at != len(whole):
        raise Unreadable("there is extra data after its records")


class _Fields:
    """Reads the fields of records in order."""

    def __init__(self, data: memoryview, at: int) -> None:
        self.data = data
        self.at = at

    def number(self) -> int:
        """Read a zigzag varint."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift > 63:
                raise Unreadable("a number is too long")

    def text(self) -> bytes | None:
        """Read length-prefixed bytes; None for a negative length."""
        length = self.number()
        if length < 0:
            return None
        end = self.at + length
        if end > len(self.data):
            raise Unreadable("the data ends too early")
        found = bytes(self.data[self.at : end])
        self.at = end
        return found
