"""Keys of the changelog: a customer's parts, the ledger, models and definitions.

The service's own keys begin with ``!``. A customer's key is the id; where that begins with ``!``, a control character,
which no id holds, stands before it, so no customer can take an own key. Keys of all other ids are as they ever were.
"""

from __future__ import annotations

from unicodedata import normalize

LEDGER_KEY = b"!ledger"
_MODEL = b"!model:"
_DEFINITIONS = b"!definitions:"
_ERASED = b"!erased:"
LOOK_KEY = b"!look:"
"""Begins the keys of what imports ask of the model owner, in the panel topic."""
SHIFT_HEADER = "streamer-panel-shift"
"""Header of panel rows: the panel is one customer in 2**shift."""


_NOT_OURS = "\1"


def part_key(id: str, part: str) -> bytes:
    """The key of a part of a customer; the core part has the bare id.

    >>> part_key("!ledger", ""), split_key(part_key("!ledger", "book"))
    (b'\\x01!ledger', ('!ledger', 'book'))
    """
    if id.startswith("!"):
        id = _NOT_OURS + id
    return f"{id}\0{part}".encode() if part else id.encode()


def split_key(key: bytes) -> tuple[str, str]:
    """The customer id and the part of a key."""
    id, _, part = key.decode().partition("\0")
    return id.removeprefix(_NOT_OURS), part


def id_of(key: bytes | None) -> str | None:
    """The customer named by a record's key, in NFC, whatever client wrote it; None if the key is not text."""
    try:
        return None if key is None else normalize("NFC", split_key(key)[0])
    except UnicodeDecodeError:
        return None


def look_key(import_id: str, lane: int) -> bytes:
    """The key of what a lane reports to the model owner of an import."""
    return LOOK_KEY + f"{lane}:{import_id}".encode()


def model_name(kind: str, version: int) -> str:
    """What a published model is called in a changelog and a view. Clusters, which came first, go by their number.

    >>> model_name("clusters", 3), model_name("predictions", 3)
    ('3', 'predictions:3')
    """
    return str(version) if kind == "clusters" else f"{kind}:{version}"


def model_of_name(name: str) -> tuple[str, int]:
    """Kind and version of a model by its name."""
    kind, _, version = name.rpartition(":")
    return kind or "clusters", int(version)


def model_key(name: str) -> bytes:
    return _MODEL + name.encode()


def model_named(key: bytes) -> str | None:
    """The name of the model that a key names; None for other keys."""
    return key[len(_MODEL) :].decode() if key.startswith(_MODEL) else None


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
