"""Run a worker that gets stuck once: the commit of a step with an event ``stuck`` never returns.

Its transaction stays open, as with a hanging Kafka client. ``STUCK_ONCE`` names a file that records it; the watchdog's
patience is 6 s.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.records import LogRecord
from streamer.lanes.step import Prepared, StepMaker
from streamer.runtime.process import main
from streamer.runtime.watchdog import Watchdog

SECONDS = 6.0
_decode, _commit = StepMaker.decode, AIOKafkaProducer.commit_transaction
_armed: list[Path] = []


async def decode(self: StepMaker, made: Prepared, records: Sequence[LogRecord], *more: Any) -> None:
    once = Path(os.environ["STUCK_ONCE"])
    if not once.exists() and any(b'"event_id": "stuck"' in (record.value or b"") for record in records):
        _armed.append(once)
    await _decode(self, made, records, *more)


async def commit_transaction(self: AIOKafkaProducer) -> None:
    if _armed:
        _armed.pop().touch()
        await asyncio.Event().wait()
    await _commit(self)


if __name__ == "__main__":
    # Only here, because the doctest collector imports this module into the test process.
    StepMaker.decode = decode  # type: ignore[method-assign,assignment]
    AIOKafkaProducer.commit_transaction = commit_transaction
    Watchdog.__init__.__defaults__ = (SECONDS,)
    sys.exit(main())
