"""DKIM signatures (RFC 6376) for mails, where the provider does not sign them; needs dkimpy."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

SIGNED: Final = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-language",
    # Mail programs offer one-click only where the signature covers both (RFC 8058).
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)


def signed(mail: bytes, domain: str, selector: str, key_file: str) -> bytes:
    """The mail with its signature in front.

    Raises
    ------
    OSError, ValueError
        The key cannot be read, or is none.
    ImportError
        dkimpy is not installed.
    """
    try:
        import dkim
    except ImportError:
        raise ImportError("signing needs dkimpy: pip install dkimpy") from None
    path = Path(key_file)
    try:
        header: bytes = dkim.sign(
            mail,
            selector.encode(),
            domain.encode(),
            _key(path, path.stat().st_mtime_ns),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=list(SIGNED),
        )
    except dkim.DKIMException as error:
        raise ValueError(f"{key_file} is not a private key that can sign: {type(error).__name__}") from None
    return header + mail


@lru_cache(maxsize=8)
def _key(path: Path, changed: int) -> bytes:
    """The key of a file; ``changed`` makes a new key be read at once."""
    return path.read_bytes()
