"""Keys of the changelog: a customer's parts, the ledger, models and definitions. ``!`` is in no customer id."""

from __future__ import annotations

LEDGER_KEY = b"!ledger"
_MODEL = b"!model:"
_DEFINITIONS = b"!definitions:"
_ERASED = b"!erased:"
SHIFT_HEADER = "streamer-panel-shift"
"""Header of panel rows: the panel is one customer in 2**shift."""


def part_key(id: str, part: str) -> bytes:
    """The key of a part of a customer; the core part has the bare id."""
    return f"{id}\0{part}".encode() if part else id.encode()


def split_key(key: bytes) -> tuple[str, str]:
    """The customer id and the part of a key."""
    id, _, part = key.decode().partition("\0")
    return id, part


def model_key(version: int) -> bytes:
    return _MODEL + str(version).encode()


def model_version(key: bytes) -> int | None:
    """The version that a model's key names; None for other keys."""
    return int(key[len(_MODEL) :]) if key.startswith(_MODEL) else None


def definitions_key(version: int) -> bytes:
    return _DEFINITIONS + str(version).encode()


def definitions_version(key: bytes) -> int | None:
    """The version that a key of declared segmentations names; None for other keys."""
    return int(key[len(_DEFINITIONS) :]) if key.startswith(_DEFINITIONS) else None


def erased_key(name: str) -> bytes:
    return _ERASED + name.encode()


def erased_name(key: bytes) -> str | None:
    """The hash of the erased id that a key names; None for other keys."""
    return key[len(_ERASED) :].decode() if key.startswith(_ERASED) else None
