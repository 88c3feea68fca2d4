"""Define the keys of the changelog: a customer's parts, the ledger, models and definitions.

The service's own keys start with ``!``. A customer's key is its id. An id that starts with ``!`` is prefixed with a
control character, which no id contains, so that a customer cannot take a service key. All other ids keep their existing
keys.
"""

from __future__ import annotations

from unicodedata import normalize

LEDGER_KEY = b"!ledger"
_MODEL = b"!model:"
_DEFINITIONS = b"!definitions:"
_ERASED = b"!erased:"
NOTICE_KEY = b"!look:"
"""Key prefix of imports' requests to the model owner, in the panel topic."""
SHIFT_HEADER = "streamer-panel-shift"
"""Header of panel rows: the panel is one customer in 2**shift."""


_NOT_OURS = "\1"


def part_key(id: str, part: str) -> bytes:
    """Return the key of a part of a customer; the core part has the bare id.

    >>> part_key("!ledger", ""), split_key(part_key("!ledger", "book"))
    (b'\\x01!ledger', ('!ledger', 'book'))
    """
    if id.startswith("!"):
        id = _NOT_OURS + id
    return f"{id}\0{part}".encode() if part else id.encode()


def split_key(key: bytes) -> tuple[str, str]:
    """Return the customer id and the part in a key."""
    id, _, part = key.decode().partition("\0")
    return id.removeprefix(_NOT_OURS), part


def id_of(key: bytes | None) -> str | None:
    """Return the customer id in a record's key, normalized to NFC, or None if the key is not text."""
    try:
        return None if key is None else normalize("NFC", split_key(key)[0])
    except UnicodeDecodeError:
        return None


def notice_key(import_id: str, lane: int) -> bytes:
    """Return the key of a lane's report to the model owner about an import."""
    return NOTICE_KEY + f"{lane}:{import_id}".encode()


def model_name(kind: str, version: int) -> str:
    """Return a published model's name in changelogs and views.

    Clusters, the first kind of model, use the bare version number.

    >>> model_name("clusters", 3), model_name("predictions", 3)
    ('3', 'predictions:3')
    """
    return str(version) if kind == "clusters" else f"{kind}:{version}"


def model_of_name(name: str) -> tuple[str, int]:
    """Return a model's kind and version from its name."""
    kind, _, version = name.rpartition(":")
    return kind or "clusters", int(version)


def model_key(name: str) -> bytes:
    return _MODEL + name.encode()


def model_named(key: bytes) -> str | None:
    """Return the model name in a key; None for other keys."""
    return key[len(_MODEL) :].decode() if key.startswith(_MODEL) else None


def definitions_key(version: int) -> bytes:
    return _DEFINITIONS + str(version).encode()


def definitions_version(key: bytes) -> int | None:
    """Return the version in a key of declared segmentations; None for other keys."""
    return int(key[len(_DEFINITIONS) :]) if key.startswith(_DEFINITIONS) else None


def erased_key(name: str) -> bytes:
    return _ERASED + name.encode()


def erased_name(key: bytes) -> str | None:
    """Return the hash of the erased id in a key; None for other keys."""
    return key[len(_ERASED) :].decode() if key.startswith(_ERASED) else None
