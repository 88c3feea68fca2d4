"""The panel: the hashed sample of customers from which the model owner learns."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from schemas.errors import InvariantViolation

_SALT: Final = b"streamer-panel-1"
TARGET: Final = 2000


def panel_rank(customer_id: str) -> int:
    """Return the largest shift (at most 64) at which a customer is in the panel; see `in_panel`."""
    digest = blake2b(customer_id.encode(), digest_size=8, salt=_SALT).digest()
    number = int.from_bytes(digest, "little")
    return (number & -number).bit_length() - 1 if number else 64


def in_panel(customer_id: str, shift: int) -> bool:
    """Return whether a customer is in the panel of one in 2**shift, for which the low ``shift`` bits of a hash are 0.

    Panels are nested: a customer in the panel at ``shift`` is in it at every smaller shift. The hash is salted, so the
    panel is independent of lanes and of other samples.
    """
    return shift <= 0 or panel_rank(customer_id) >= shift


def shift_for(customers: int, target: int = TARGET) -> int:
    """Return the largest shift that leaves at least about ``target`` customers in the panel.

    >>> [shift_for(n) for n in (500, 3_999, 4_000, 1_000_000)]
    [0, 0, 1, 8]
    """
    return max(0, (customers // target).bit_length() - 1) if customers > 0 else 0


NO_ORDERS: Final = msgspec.Raw(msgspec.msgpack.encode(()))


class PanelRow(msgspec.Struct, frozen=True, array_like=True):
    """A lane's record of one panel customer for the owner: the whole memory after an event.

    Parameters
    ----------
    customer
        The customer's id.
    day
        The grid day that is open in the memory.
    blob
        ``Memory.dump``; empty if the customer is gone (erased, or merged into another).
    orders
        The customer's order record (``models.prediction.order_record``), packed; NO_ORDERS without an order that
        counts, and in rows of older releases.
    """

    customer: str
    day: int
    blob: bytes
    orders: msgspec.Raw = NO_ORDERS


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PanelRow)


def encode(row: PanelRow) -> bytes:
    """Encode the row as MessagePack."""
    return _encoder.encode(row)


def decode(data: bytes) -> PanelRow:
    """Decode the output of ``encode``. Raises InvariantViolation on anything else."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvariantViolation(f"panel row: cannot be read: {error}") from error
