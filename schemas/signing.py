"""Signatures of the service's own records: control records, decisions and commands.

Anyone who may write events could write these too. So a signature covers the topic, the partition, who wrote the record, a
number that grows with each record of that writer, and the value, in which the type stands. A reader refuses a number
that is not above the last one of the same writer: a copy of a signed record does nothing, wherever it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.errors import InvalidEvent
from schemas.records import Headers

SIGNATURE_HEADER: Final = "streamer-signature"
WINDOW: Final = 64
"""How many numbers of orders and decisions are remembered."""
_VERSION: Final = "2"
_REFUSED: Final = f"header {SIGNATURE_HEADER} is missing or wrong"


class Seal(NamedTuple):
    """The writer of a record, and the record's number among that writer's records."""

    source: str
    number: int


@dataclass(frozen=True, slots=True, repr=False)
class ControlKeys:
    """The keys that sign and check.

    Attributes
    ----------
    prefix
        Of the topics: services side by side may share a key.
    keys
        The first one signs, each of them is good for checking. With none, signatures are read and believed: for a replay
        of what a lane has checked already.
    """

    prefix: str
    keys: tuple[bytes, ...]

    def header(self, topic: str, partition: int, seal: Seal, value: bytes) -> tuple[str, bytes]:
        """The header that signs a record; ``topic`` without prefix."""
        mac = self._mac(self.keys[0], topic, partition, seal, value)
        return SIGNATURE_HEADER, f"{_VERSION};{seal.source};{seal.number};{mac}".encode()

    def seal_of(self, topic: str, partition: int, value: bytes | None, headers: Headers) -> Seal | None:
        """The seal of a record's signature; None if it has none, or one of release 0.1, which covers only the value.

        Raises
        ------
        InvalidEvent
            ``bad_control``: the signature is of another key, record or place.
        """
        signature = next((raw for name, raw in headers if name == SIGNATURE_HEADER and raw is not None), None)
        if signature is None or value is None:
            return None
        seal, mac = _parsed(signature)
        if not self.keys:
            return seal
        if seal is None:
            if any(verify(value, signature, key) for key in self.keys):
                return None
        elif any(hmac.compare_digest(self._mac(key, topic, partition, seal, value), mac) for key in self.keys):
            return seal
        raise InvalidEvent("bad_control", _REFUSED, SIGNATURE_HEADER)

    def require(self, topic: str, value: bytes, headers: Headers, taken: Sequence[int]) -> list[int]:
        """The numbers of the last records taken, with that of one more, which must be signed; in partition 0 of a topic.

        People give orders from several machines, whose clocks differ, so numbers need not grow: none is taken twice, and
        none from before the last `WINDOW`.

        Raises
        ------
        InvalidEvent
            ``bad_control``: it is not signed, or its number is ``taken``, or too old to tell.
        """
        seal = self.seal_of(topic, 0, value, headers)
        if seal is None:
            raise InvalidEvent("bad_control", _REFUSED, SIGNATURE_HEADER)
        if seal.number in taken or (len(taken) >= WINDOW and seal.number < min(taken)):
            raise InvalidEvent("bad_control", "the record was already applied", SIGNATURE_HEADER)
        return sorted([*taken, seal.number])[-WINDOW:]

    def _mac(self, key: bytes, topic: str, partition: int, seal: Seal, value: bytes) -> str:
        # Each field with its length: no two records give the same bytes.
        fields = (_VERSION, self.prefix, topic, str(partition), seal.source, str(seal.number))
        covered = b"".join(b"%d:%s" % (len(raw), raw) for raw in map(str.encode, fields)) + value
        return hmac.new(key, covered, hashlib.sha256).hexdigest()


def time_number() -> int:
    """A number for records of a writer without a counter: microseconds since 1970."""
    return time.time_ns() // 1_000


def sign(body: bytes, key: bytes) -> bytes:
    """HMAC-SHA256 of a body, as lower-case hex: the signature of release 0.1."""
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()


def verify(body: bytes, signature: bytes, key: bytes) -> bool:
    """Whether a signature of release 0.1 matches the body; compares in constant time."""
    return hmac.compare_digest(sign(body, key), signature)


def _parsed(signature: bytes) -> tuple[Seal | None, str]:
    """Seal and code of a signature; no seal if it is of release 0.1, or malformed."""
    parts = signature.decode("ascii", "replace").split(";")
    if len(parts) != 4 or parts[0] != _VERSION or not parts[2].isdigit() or len(parts[2]) > 18:
        return None, ""
    return Seal(parts[1], int(parts[2])), parts[3]
