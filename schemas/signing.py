"""Signatures of the service's own records: control records, decisions and commands.

Anyone who may write events could write these too. So a signature covers the topic, the partition, the writer, a number
that increases with each of the writer's records, and the value with its type. Readers reject a number that is not above
the writer's last one, so a copy of a signed record has no effect, wherever it is sent.
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
"""Number of remembered numbers of commands and decisions."""
_VERSION: Final = "2"
_REFUSED: Final = f"header {SIGNATURE_HEADER} is missing or wrong"


class Seal(NamedTuple):
    """The writer of a record, and the record's number among that writer's records."""

    source: str
    number: int


@dataclass(frozen=True, slots=True, repr=False)
class ControlKeys:
    """The keys for signing and verifying.

    Attributes
    ----------
    prefix
        Topic prefix; parallel services may share a key.
    keys
        The first key signs; any of them verifies. Without keys, signatures are parsed but not verified, for the replay
        of a log that a lane has verified already.
    """

    prefix: str
    keys: tuple[bytes, ...]

    def header(self, topic: str, partition: int, seal: Seal, value: bytes) -> tuple[str, bytes]:
        """Return the header with a record's signature; ``topic`` is without prefix."""
        mac = self._mac(self.keys[0], topic, partition, seal, value)
        return SIGNATURE_HEADER, f"{_VERSION};{seal.source};{seal.number};{mac}".encode()

    def seal_of(self, topic: str, partition: int, value: bytes | None, headers: Headers) -> Seal | None:
        """Return the seal of a record's signature; None without one, or if it is of release 0.1, which covers only the
        value.

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
        """Verify a record's signature; return the numbers of the last records with the record's own number added.

        For partition 0 of a topic. Several machines send commands, and their clocks differ, so numbers need not
        increase: each is accepted once, and none that is older than the last `WINDOW`.

        Raises
        ------
        InvalidEvent
            ``bad_control``: the record is not signed, or its number is in ``taken`` or too old to decide.
        """
        seal = self.seal_of(topic, 0, value, headers)
        if seal is None:
            raise InvalidEvent("bad_control", _REFUSED, SIGNATURE_HEADER)
        if seal.number in taken or (len(taken) >= WINDOW and seal.number < min(taken)):
            raise InvalidEvent("bad_control", "the record was already applied", SIGNATURE_HEADER)
        return sorted([*taken, seal.number])[-WINDOW:]

    def _mac(self, key: bytes, topic: str, partition: int, seal: Seal, value: bytes) -> str:
        # Prefix each field with its length, so that no two records yield the same bytes.
        fields = (_VERSION, self.prefix, topic, str(partition), seal.source, str(seal.number))
        covered = b"".join(b"%d:%s" % (len(raw), raw) for raw in map(str.encode, fields)) + value
        return hmac.new(key, covered, hashlib.sha256).hexdigest()


def time_number() -> int:
    """Return a number for a writer without a counter: microseconds since 1970."""
    return time.time_ns() // 1_000


def sign(body: bytes, key: bytes) -> bytes:
    """Return the HMAC-SHA256 of a body in lower-case hex, as release 0.1 signed."""
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()


def verify(body: bytes, signature: bytes, key: bytes) -> bool:
    """Return whether a signature of release 0.1 matches the body; compares in constant time."""
    return hmac.compare_digest(sign(body, key), signature)


def _parsed(signature: bytes) -> tuple[Seal | None, str]:
    """Return the seal and the code of a signature; the seal is None if it is of release 0.1, or malformed."""
    parts = signature.decode("ascii", "replace").split(";")
    if len(parts) != 4 or parts[0] != _VERSION or not parts[2].isdigit() or len(parts[2]) > 18:
        return None, ""
    return Seal(parts[1], int(parts[2])), parts[3]
