"""Run a worker that cannot open zstd, as if the batch used a codec that does not exist yet."""

from __future__ import annotations

import sys

from streamer.adapters import record_batches, unpack
from streamer.runtime.process import main

ZSTD = 4


def without_zstd(codec: int, data: bytes, limit: int) -> bytes:
    if codec == ZSTD:
        raise unpack.Unreadable("this build has no zstd")
    return unpack.unpack(codec, data, limit)


if __name__ == "__main__":
    setattr(record_batches, "unpack", without_zstd)  # noqa: B010
    sys.exit(main())
