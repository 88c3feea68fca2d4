"""Store the model owner's snapshot in the panel topic, one record per piece."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from models.prediction.predictor import Predictor
from models.prediction.predictor_snapshot import unpack
from schemas.errors import InvariantViolation

SNAPSHOT: Final = b"!learner:"
"""Key prefix of pieces, followed by the number of the piece."""


class Piece(msgspec.Struct, array_like=True):
    """One piece of a snapshot.

    It has the panel offset that identifies the snapshot, its number of pieces, the numbers of the last signed
    decisions, and that of the last answer to an import.
    """

    position: int
    pieces: int
    data: bytes
    decided: list[int] = []
    answered: int = 0


def read_piece(value: bytes) -> Piece:
    """Decode the piece in a record's value."""
    return msgspec.msgpack.decode(value, type=Piece)


def taken_apart(pieces: Mapping[int, Piece]) -> tuple[bytes, Predictor]:
    """Join pieces by number (0 must exist), and return the cluster learner's snapshot and the predictor.

    Raises
    ------
    InvariantViolation
        Pieces are missing or belong to another snapshot.
    """
    first = pieces[0]
    whole = [piece for index in range(first.pieces) if (piece := pieces.get(index)) is not None]
    if len(whole) < first.pieces or any(piece.position != first.position for piece in whole):
        raise InvariantViolation("the model owner's snapshot is incomplete")
    stream = zlib.decompressobj()
    learner = stream.decompress(b"".join(piece.data for piece in whole))
    # Older releases had no predictions.
    return learner, unpack(zlib.decompress(stream.unused_data)) if stream.unused_data else Predictor()
