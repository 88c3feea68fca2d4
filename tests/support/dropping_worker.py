"""Run a worker whose fetched batches are occasionally lost before they reach their lane, as around a rebalance."""

from __future__ import annotations

import random
import sys

from streamer.lanes import pool
from streamer.lanes.ports import Batch
from streamer.runtime import process

_dice = random.Random(7)
_offer = pool.Pool.offer


def _lossy(self: pool.Pool, partition: int, batch: Batch) -> None:
    if _dice.random() < 0.7:
        _offer(self, partition, batch)


if __name__ == "__main__":
    pool.Pool.offer = _lossy  # type: ignore[method-assign]
    sys.exit(process.main())
