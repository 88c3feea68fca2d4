"""Run a process that keeps a read model up to date, to be killed: ``python -m feeding BOOTSTRAP PREFIX LANES FILE``.

Prints ``begins`` once everything is imported, and ``current`` each time it has everything in the topics.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streamer.act.inputs import KafkaInputs
from streamer.adapters.kafka import KafkaConnection
from streamer.web.readmodel.feeder import READ, Feeder

DAY_MS = 86_400_000


async def _feed(bootstrap: str, prefix: str, lanes: int, file: Path) -> None:
    connection = KafkaConnection(bootstrap, prefix)
    feeder = Feeder(file, "here", lambda at: at // DAY_MS, lambda: KafkaInputs(connection, lanes, READ))
    print("begins", flush=True)
    following = asyncio.ensure_future(feeder.follow())
    await feeder.current.wait()
    print("current", flush=True)
    await following


if __name__ == "__main__":
    asyncio.run(_feed(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
