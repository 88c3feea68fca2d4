"""Unpack compressed Kafka batches up to a byte limit.

A broker checks sizes on the wire, and one megabyte there may unpack to a hundred thousand times as much. Every codec
here stops at the limit *while* it unpacks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import cramjam

CODECS: Final[Mapping[int, str]] = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
"""Codec names by their number in a batch's attributes."""

_XERIAL: Final = b"\x82SNAPPY\x00"
"""Header of a block stream from Java's snappy library; other clients send one raw block."""
_XERIAL_HEADER_BYTES: Final = 16
_FIRST_ROOM_BYTES: Final = 65_536
_GROWTH: Final = 4
_PREVIEW_BYTES: Final = 1_000
_GZIP_WINDOW: Final = 31  # zlib's code for: gzip header expected


class TooLarge(Exception):
    """Raised if the data exceed the limit. ``preview`` holds the first bytes, still packed if the codec yields none."""

    def __init__(self, preview: bytes) -> None:
        super().__init__("too large")
        self.preview = preview


class Unreadable(Exception):
    """Raised if the bytes do not fit their codec, or the codec does not exist."""


def unpack(codec: int, data: bytes, limit: int) -> bytes:
    """Return the unpacked bytes of a batch's records.

    Parameters
    ----------
    codec
        Number of the codec in the batch's attributes.
    limit
        Maximum number of unpacked bytes.

    Raises
    ------
    TooLarge
        The limit is exceeded.
    Unreadable
        The bytes cannot be unpacked.

    >>> unpack(1, zlib.compress(b"x" * 70_000, wbits=_GZIP_WINDOW), 70_000) == b"x" * 70_000
    True
    """
    opener = _OPENERS.get(codec)
    if opener is None:
        raise Unreadable(f"there is no codec with the number {codec}")
    return opener(data, limit)


def _none(data: bytes, limit: int) -> bytes:
    return data


def _gzip(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit
    while data:  # a stream may have several members
        opened = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = opened.decompress(data, room + 1)
        except zlib.error as error:
            raise Unreadable(str(error)) from error
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise TooLarge(b"".join(parts)[:_PREVIEW_BYTES])
        if not opened.eof:
            raise Unreadable("the data ends too early")
        data = opened.unused_data
    return b"".join(parts)


def _snappy(data: bytes, limit: int) -> bytes:
    if not data.startswith(_XERIAL):
        return _snappy_block(data, limit, limit)
    parts: list[bytes] = []
    at, room = _XERIAL_HEADER_BYTES, limit
    while at < len(data):
        try:
            (size,) = struct.unpack_from(">i", data, at)
        except struct.error as error:
            raise Unreadable("the data ends too early") from error
        at += 4
        if not 0 <= size <= len(data) - at:
            raise Unreadable("the data ends too early")
        part = _snappy_block(data[at : at + size], room, limit)
        parts.append(part)
        room -= len(part)
        at += size
    return b"".join(parts)


def _snappy_block(data: bytes, room: int, limit: int) -> bytes:
    try:
        # A block begins with its unpacked length, which the decoder enforces.
        if cramjam.snappy.decompress_raw_len(data) > room:
            raise TooLarge(data[:_PREVIEW_BYTES])
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise Unreadable(str(error)) from error


def _into(decompress_into: Callable[[bytes, bytearray], int]) -> Callable[[bytes, int], bytes]:
    """Return a function that unpacks into a fixed-size buffer, and into a larger one if that was too small."""

    def opener(data: bytes, limit: int) -> bytes:
        room = min(limit, max(_FIRST_ROOM_BYTES, _GROWTH * len(data)))
        while True:
            out = bytearray(room)
            try:
                return bytes(memoryview(out)[: decompress_into(data, out)])
            except cramjam.DecompressionError as error:
                # Only the error's text tells that the buffer is too small, so try a larger one on any error.
                if room >= limit:
                    if "whole buffer" in str(error):
                        raise TooLarge(bytes(out[:_PREVIEW_BYTES])) from None
                    raise Unreadable(str(error)) from error
            room = min(limit, room * _GROWTH)

    return opener


_zstd: Any = cramjam.zstd
_lz4: Any = cramjam.lz4
_OPENERS: Final[Mapping[int, Callable[[bytes, int], bytes]]] = {
    0: _none,
    1: _gzip,
    2: _snappy,
    3: _into(_lz4.decompress_into),
    4: _into(_zstd.decompress_into),
}
