"""Read plain and gzipped files, and report errors a user can act on."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from models.messages.translatable import translatable
from schemas.errors import UserError

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


@dataclass(slots=True)
class ReadPosition:
    """Read progress in a file, in compressed bytes for compressed files."""

    descriptor: int | None = None
    size: int = 0

    @property
    def share(self) -> float | None:
        """Progress from 0 to 1; None while the file is not open, or if it is not a regular file."""
        if self.descriptor is None or not self.size:
            return None
        return min(1.0, os.lseek(self.descriptor, 0, os.SEEK_CUR) / self.size)


def content_hash(path: Path) -> str:
    """Return the SHA-256 (hex) of the uncompressed content, so that recompressing a file does not change it."""
    digest = hashlib.sha256()
    with opened(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def lines(path: Path, limit: int, position: ReadPosition | None = None) -> Iterator[bytes | None]:
    """Yield the lines of a file with their line endings, or ``None`` for a line longer than ``limit`` bytes.

    Overlong lines are skipped in pieces, so memory stays within ``limit``.
    """
    with opened(path, position) as stream:
        while line := stream.readline(limit + 1):
            if len(line) <= limit or line.endswith(b"\n"):
                yield line
                continue
            while (rest := stream.readline(limit)) and not rest.endswith(b"\n"):
                pass
            yield None


@contextmanager
def opened(path: Path, position: ReadPosition | None = None) -> Iterator[IO[bytes]]:
    """Open a file for reading uncompressed bytes; gzip is recognised by its first two bytes, not by the name."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if position is not None:
                position.descriptor, position.size = raw.fileno(), path.stat().st_size
            # GzipFile reads like any binary stream, but typeshed does not declare it as one.
            with cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw as stream:
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            translatable("error damaged", path=path, why=error), translatable("error damaged fix")
        ) from None
    except OSError as error:
        raise UserError(
            translatable("error unreadable", path=path, why=error.strerror or error), translatable("error path fix")
        ) from None
    finally:
        if position is not None:
            position.descriptor = None
