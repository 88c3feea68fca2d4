"""Read a request: its body within limits, and its key."""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from schemas.collector import MAX_BODY_BYTES
from schemas.endpoints import MAX_KEY
from streamer.web.api.problems import ProblemError

_SECONDS: Final = 20.0
"""Maximum time to receive a body, in seconds."""

_GZIP: Final = 16 + zlib.MAX_WBITS


async def body_of(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """Return the uncompressed body. Raises ProblemError if it is too large, too slow, or damaged."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise ProblemError(
            415, f"content-encoding {encoding[:20]} is not supported", "send gzip, or an uncompressed body"
        )
    try:
        async with asyncio.timeout(_SECONDS):
            sent = await _read(request, most)
    except TimeoutError:
        raise ProblemError(408, "the body did not arrive in time", "send it again") from None
    return _unpacked(sent, most) if encoding == "gzip" else sent


async def _read(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def _unpacked(sent: bytes, most: int) -> bytes:
    unpack = zlib.decompressobj(_GZIP)
    try:
        found = unpack.decompress(sent, most + 1)
    except zlib.error:
        raise ProblemError(
            400, "the body is not gzip", "gzip the body, or remove the header content-encoding"
        ) from None
    if len(found) > most or unpack.unconsumed_tail:
        raise _too_large(most)
    if not unpack.eof:
        raise ProblemError(400, "the body is incomplete", "send it again")
    return found


def _too_large(most: int) -> ProblemError:
    return ProblemError(400, "the body is too large", f"send at most {most:,} bytes per request")


def key_of(request: Request, body: Mapping[str, Any] | None = None) -> str | None:
    """Return the text of the token or write key, from the header (Bearer or Segment's Basic), the query or the body.

    Raises
    ------
    ProblemError
    The query contains a key that is too long.
    """
    from_query = request.query_params.get("writeKey")
    if from_query is not None and len(from_query) > MAX_KEY:
        raise ProblemError(400, "writeKey is too long", f"a key has at most {MAX_KEY} characters")
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return text.strip()
        case "basic":
            return _user(text)
    if from_query is not None:
        return from_query
    key = None if body is None else body.get("writeKey")
    return key if isinstance(key, str) else None


def _user(text: str) -> str | None:
    try:
        return base64.b64decode(text.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
