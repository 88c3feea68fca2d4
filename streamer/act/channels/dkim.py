"""Sign mail with DKIM (RFC 6376) if the provider does not sign it. Requires dkimpy."""

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
    # Mail clients offer one-click unsubscribe only if the signature covers both headers (RFC 8058).
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)


def signed(mail: bytes, domain: str, selector: str, key_file: str) -> bytes:
    """Return the mail with its signature prepended.

    Raises
    ------
    OSError, ValueError
        The key file cannot be read or holds no valid key.
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
    """Return the key in a file, cached; ``changed`` invalidates the cache when the file changes."""
    return path.read_bytes()
