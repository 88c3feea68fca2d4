"""The dedupe window of one customer: its latest event ids, by which repeated events are recognised.

Ids are stored as 64-bit digests in blocks of 64. A full block is *sealed*: it never changes again and is written
once, under one of eight slots, so an event rewrites at most one open block and not the whole window.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from schemas.errors import InvariantViolation

DIGEST = 8
BLOCK = 64
SLOTS = 8
WINDOW = BLOCK * SLOTS
_BLOCK_BYTES = BLOCK * DIGEST


# Copying a prepared hash costs half as much as creating one.
_EMPTY = blake2b(digest_size=DIGEST)


def digest(name: str) -> bytes:
    """Return the 8-byte digest of an event or order id."""
    hashed = _EMPTY.copy()
    hashed.update(name.encode())
    return hashed.digest()


def holds(ids: bytes, wanted: bytes) -> bool:
    """Return whether ``wanted`` is one of the digests concatenated in ``ids``."""
    at = ids.find(wanted)
    while at >= 0:
        if at % DIGEST == 0:
            return True
        at = ids.find(wanted, at + 1)
    return False


class DedupeWindow:
    """Digests of the latest events: at least the last ``WINDOW`` (512), at most 575.

    Attributes
    ----------
    total
        Number of ids ever added. Block ``b`` holds ids ``64 b`` to ``64 b + 63`` of that count.
    ids
        The remembered digests, oldest first, from the start of a block.
    """

    __slots__ = ("ids", "total")

    def __init__(self, total: int = 0, ids: bytes = b"") -> None:
        self.total = total
        self.ids = ids

    def add(self, one: bytes) -> None:
        ids = self.ids + one
        self.total += 1
        if len(ids) > WINDOW * DIGEST and self.total % BLOCK == 0:
            ids = ids[-WINDOW * DIGEST :]
        self.ids = ids

    def open_block(self) -> bytes:
        """Return the ids since the last sealed block: 0 to 63 digests."""
        size = self.total % BLOCK * DIGEST
        return self.ids[-size:] if size else b""

    def sealed_since(self, total: int) -> dict[int, bytes]:
        """Return the blocks sealed since the count was ``total``, by slot: the ones still to be written."""
        start = self.total - len(self.ids) // DIGEST
        blocks = {}
        for block in range(total // BLOCK, self.total // BLOCK):
            at = (block * BLOCK - start) * DIGEST
            if at >= 0:
                blocks[block % SLOTS] = self.ids[at : at + _BLOCK_BYTES]
        return blocks

    @classmethod
    def of(cls, total: int, open_block: bytes, slots: Mapping[int, bytes]) -> DedupeWindow:
        """Assemble a window from its parts.

        Raises
        ------
        InvariantViolation
            If a required sealed block is missing or has the wrong size.
        """
        sealed = total // BLOCK
        try:
            blocks = [slots[block % SLOTS] for block in range(max(0, sealed - SLOTS), sealed)]
        except KeyError as error:
            raise InvariantViolation(f"dedupe block {error} of {total} ids is missing") from None
        ids = b"".join(blocks) + open_block
        if len(ids) != (min(sealed, SLOTS) * BLOCK + total % BLOCK) * DIGEST:
            raise InvariantViolation("dedupe blocks have the wrong size")
        return cls(total, ids)
