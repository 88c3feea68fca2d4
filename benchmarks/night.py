"""CPU of one worker for a whole night: every customer's state in Redis and the log, none in memory.

    python -m benchmarks.night [--customers 200000]

The customers are copies of 5,000 of the simulated shop, in four lanes on the embedded servers. The night begins while
the worker is away: each lane is opened, walks through its customers, steps each to the new day, and writes those whom it
moved. CPU is that of this process, which runs the lanes; at most 20 s for 200,000 customers.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.harness import LANES, servers
from benchmarks.recorded import POLICY, lived
from benchmarks.yardstick import yardstick
from models.customer import snapshot
from models.features.document import document
from models.features.time import DAY_MS
from schemas import topics
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.redis import RedisView, connect
from streamer.adapters.topics import create_topics
from streamer.core import ledger
from streamer.core.policy import Policy
from streamer.embedded import Addresses
from streamer.lanes import encode
from streamer.lanes.context import LaneContext, Silent, Step
from streamer.lanes.keys import LEDGER_KEY
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Stored, Update, Write
from streamer.lanes.restore import token_of
from streamer.replay.replay import Replay

_CHUNK = 2_000
_PREFIX = "night"


def main() -> None:
    """Fill the view, let the night come, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    args = parser.parse_args()
    replay = lived(5_000, 60)
    with servers() as services:
        asyncio.run(_night(services.addresses, replay, args.customers))


async def _night(addresses: Addresses, replay: Replay, customers: int) -> None:
    create_topics(addresses.kafka, prefix=_PREFIX, lanes=LANES)
    kafka = KafkaConnection(addresses.kafka, prefix=_PREFIX, group="bench-night")
    offsets, client = Offsets(kafka), connect(addresses.redis)
    await offsets.start()
    spent, moved = 0.0, 0

    class Counting(Silent):
        def stepped(self, step: Step) -> None:
            nonlocal moved
            moved += len(step.decision.changes)

    try:
        for number in range(LANES):
            log, view = KafkaLog.of_lane(kafka, offsets, number), RedisView(client, number, _PREFIX)
            await _fill(log, view, replay, number, customers // LANES)
            lane = Lane(number, log, view, LaneContext(Policy(lanes=LANES), SystemClock()), Counting())
            begun = time.process_time()
            await lane.open()
            while lane.walking:
                await lane.turn()
            spent += time.process_time() - begun
            await lane.close()
    finally:
        await offsets.stop()
        await client.aclose()
    each = spent / (customers // LANES * LANES) * 1e6
    print(
        f"{customers:,} customers: {spent:.1f} s of CPU, {each:.1f} us a customer, "
        f"{each / yardstick():.2f} yardsticks; {moved:,} changes"
    )


async def _fill(log: KafkaLog, view: RedisView, replay: Replay, lane: int, customers: int) -> None:
    """The view of a lane as an evening left it, and its ledger in the log with the clock of the next day."""
    cache, book = replay.state.cache, ledger.load(ledger.dump(replay.state.ledger))
    shelves = []
    for customer in cache.customers.values():
        customer.written_ids, customer.book_dirty = 0, True
        parts = snapshot.dump(customer, cache.memory.dump(customer.row))
        shelves.append((parts, document(customer, POLICY.shop), customer.due))
    book.lane, book.partition, book.customers, book.next_offset = f"lane{lane}", lane, customers, 0
    book.clock += DAY_MS
    raw = ledger.dump(book)
    await log.open()
    end = await log.commit({(topics.STATE, lane): [Write(LEDGER_KEY, raw)]}, 0)
    token = token_of(book, end)
    await view.wipe(token)
    bodies = {str(version): encode.model_bytes(model) for version, model in replay.state.models.items()}
    for at in range(0, customers, _CHUNK):
        some = {}
        for number in range(at, min(at + _CHUNK, customers)):
            parts, text, due = shelves[number % len(shelves)]
            some[f"c{lane}-{number:07d}"] = Stored(parts, text, due, "", True)
        assert await view.write(token, token, Update(some, raw, {}, bodies))


if __name__ == "__main__":
    main()
