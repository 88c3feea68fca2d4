"""The state of each customer touched by a play: packed, because there may be hundreds of thousands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec


class Person(msgspec.Struct, array_like=True, omit_defaults=True):
    """A customer whom some play touched. New fields go to the end, with a default.

    Attributes
    ----------
    seq
        The last change of the customer that was taken.
    sends
        By play, when it last used up its turn: sent, or held out.
    days
        Marketing messages by the customer's own local day, of the last `KEPT_DAYS` days; held out ones included.
    arms
        By ``play@epoch`` (``*`` for all marketing), whether the customer is held out; drawn once.
    lists
        By list, whether the customer wants it, and since when.
    address
        Hash of the address last written to, by which a bounce suppresses it.
    refused
        Why nothing may be sent to an address that is not known; empty for nothing.
    turned
        When their first turn of any marketing was, sent or held out, since a share is held out of all of it; 0 for none.
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
    """Customers by id. Those in use are open, as values that may be changed; `fold` packs them again.

    A packed one takes a third of the memory of an open one, and is what is stored, so that a restart decodes nobody.
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
        """The customer's record, to be read or changed; None where no play touched them."""
        found = self._open.get(id)
        if found is None and (packed := self._packed.get(id)) is not None:
            found = self._open[id] = _decode(packed)
        return found

    def touch(self, id: str) -> Person:
        """The customer's record, made where there is none."""
        found = self.get(id)
        if found is None:
            found = self._open[id] = Person()
        return found

    def put(self, id: str, packed: bytes | None) -> None:
        """Take in a stored record; None forgets the customer."""
        self._open.pop(id, None)
        if packed is None:
            self._packed.pop(id, None)
        else:
            self._packed[id] = packed

    def remove(self, id: str) -> bool:
        """Forget a customer; False where nothing was known of them."""
        known = id in self
        self.put(id, None)
        return known

    def packed(self, id: str) -> bytes | None:
        """What is stored of a customer; None for a tombstone."""
        found = self._open.get(id)
        return self._packed.get(id) if found is None else _encode(found)

    def fold(self) -> None:
        """Pack all that are open. Values that were given before must not be changed any more."""
        for id, person in self._open.items():
            self._packed[id] = _encode(person)
        self._open.clear()
