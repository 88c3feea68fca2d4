"""Keep the state of each customer that a play has reached, packed because there may be hundreds of thousands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec


class Person(msgspec.Struct, array_like=True, omit_defaults=True):
    """A customer that some play has reached. Append new fields at the end, with a default.

    Attributes
    ----------
    seq
        Number of the customer's last processed change.
    sends
        Time of the last turn by play, whether sent or held out.
    days
        Marketing messages by the customer's local day, for the last `KEPT_DAYS` days; includes held-out ones.
    arms
        Whether the customer is held out, by ``play@epoch`` (``*`` for all marketing); drawn once.
    lists
        Whether the customer subscribes, and since when, by list.
    address
        Hash of the address last sent to; a bounce suppresses it.
    refused
        Reason for a suppression (bounce or complaint) received while no address was known; empty if none.
    turned
        Time of the customer's first marketing turn while a share is held out of all marketing; 0 if none.
    """

    seq: int = 0
    sends: dict[str, int] = {}
    days: dict[int, int] = {}
    arms: dict[str, bool] = {}
    lists: dict[str, tuple[bool, int]] = {}
    address: str = ""
    refused: str = ""
    turned: int = 0


KEPT_DAYS: Final = 35

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Person).decode


class People:
    """Customers by id. Records in use are open, as mutable values; `fold` packs them again.

    A packed record takes a third of the memory of an open one and is the stored form, so a restart decodes none.
    """

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._open: dict[str, Person] = {}

    def __len__(self) -> int:
        return len(self._packed) + sum(id not in self._packed for id in self._open)

    def __iter__(self) -> Iterator[str]:
        yield from self._packed
        yield from [id for id in self._open if id not in self._packed]

    def __contains__(self, id: str) -> bool:
        return id in self._open or id in self._packed

    def get(self, id: str) -> Person | None:
        """Return the customer's record, to read or change; None if no play has reached the customer."""
        found = self._open.get(id)
        if found is None and (packed := self._packed.get(id)) is not None:
            found = self._open[id] = _decode(packed)
        return found

    def touch(self, id: str) -> Person:
        """Return the customer's record, creating it if missing."""
        found = self.get(id)
        if found is None:
            found = self._open[id] = Person()
        return found

    def put(self, id: str, packed: bytes | None) -> None:
        """Store a packed record; None removes the customer."""
        self._open.pop(id, None)
        if packed is None:
            self._packed.pop(id, None)
        else:
            self._packed[id] = packed

    def unwritten(self, ids: Iterable[str]) -> People:
        """Return a copy of these customers as if no play had reached them, with only their choices and addresses."""
        found = People()
        for id in ids:
            if (packed := self.packed(id)) is not None:
                known = _decode(packed)
                found._open[id] = Person(lists=known.lists, address=known.address, refused=known.refused)
        found.fold()
        return found

    def remove(self, id: str) -> bool:
        """Remove a customer. Return False if there was no record."""
        known = id in self
        self.put(id, None)
        return known

    def packed(self, id: str) -> bytes | None:
        """Return the stored form of a customer's record; None means a tombstone."""
        found = self._open.get(id)
        return self._packed.get(id) if found is None else _encode(found)

    def fold(self) -> None:
        """Pack all open records. Values returned earlier must not be changed afterwards."""
        for id, person in self._open.items():
            self._packed[id] = _encode(person)
        self._open.clear()
