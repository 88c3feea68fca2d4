"""CPU of one worker for a whole night, with every customer's state in Redis and the log, and none in memory.

    python -m benchmarks.night [--customers 200000] [--distinct 5000] [--predictions]

The customers are copies of 5,000 customers of the simulated shop, in four lanes on the embedded servers. The night
begins while the worker is stopped: each lane is opened, walks through its customers, steps each to the new day, and
writes those that moved. CPU is that of this process, which runs the lanes; at most 20 s for 200,000 customers.

With ``--predictions`` the same night is run twice, lane by lane in turns: with the shipped rules, and with an
additional segmentation that uses five predictions.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.harness import LANES, servers
from benchmarks.recorded import POLICY, lived
from benchmarks.yardstick import yardstick
from models.behaviour.layout import DAY
from models.customer import snapshot
from models.features.document import document
from models.features.time import DAY_MS
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
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
REACH = """
[reach]
kind = "rules"
rules = [
    { segment = "worth_a_call", when = "p_buy_30d < 0.2 exit 0.25 and expected_spend_90d >= 100" },
    { segment = "leave_alone", when = "p_buy_30d >= 0.6 exit 0.55" },
    { segment = "slipping", when = "churn_risk_90d >= 0.6 exit 0.55 and expected_orders_90d < 1" },
    { segment = "soon", when = "next_order_from < 7 exit 10" },
    { segment = "other" },
]
[reach.segments]
worth_a_call = {}
leave_alone = {}
slipping = {}
soon = {}
other = {}
"""


def main() -> None:
    """Fill the view, run the night, and print its cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--distinct", type=int, default=5_000, help="customers of the simulated shop")
    parser.add_argument(
        "--predictions", action="store_true", help="also with rules that name predictions, and the ratio"
    )
    args = parser.parse_args()
    nights = _nights(args)
    customers = args.customers // LANES * LANES
    with servers() as services:
        for at in range(len(nights)):
            create_topics(services.addresses.kafka, prefix=f"{_PREFIX}{at}", lanes=LANES)
        asyncio.run(_play(services.addresses, nights, customers))
    for night in nights:
        print(night.line(customers))
    if args.predictions:
        without, with_them = (sum(night.seconds) for night in nights)
        print(f"with predictions {with_them / without:.2f} times as dear")


@dataclass(frozen=True, slots=True)
class Night:
    """The evening state of a shop, and the cost of its night."""

    name: str
    policy: Policy
    replay: Replay
    seconds: list[float] = field(default_factory=list)
    """CPU seconds of each lane."""
    changes: list[int] = field(default_factory=list)

    def line(self, customers: int) -> str:
        """Return the result in one line."""
        spent = sum(self.seconds)
        each = spent / customers * 1e6
        return (
            f"{self.name}: {customers:,} customers: {spent:.1f} s of CPU, {each:.1f} us a customer, "
            f"{each / yardstick():.2f} yardsticks; {sum(self.changes):,} changes"
        )


def _nights(args: argparse.Namespace) -> list[Night]:
    texts = {
        "without predictions": DEFAULT_TEXT,
        **({"with predictions": DEFAULT_TEXT + REACH} if args.predictions else {}),
    }
    found = []
    for name, text in texts.items():
        definitions = load(text, 1)
        replay = lived(args.distinct, 60, replace(POLICY, definitions=definitions))
        # Put all customers into the panel, because its rows hold the order record that predictions read.
        target = {"panel_target": 2 * args.customers} if args.predictions else {}
        found.append(Night(name, Policy(lanes=LANES, definitions=definitions, **target), replay))
    return found


async def _play(addresses: Addresses, nights: list[Night], customers: int) -> None:
    """Run the nights of all shops, lane by lane in turns, so that machine load affects them equally."""
    for number in range(LANES):
        for at, night in enumerate(nights):
            await _one(addresses, night, f"{_PREFIX}{at}", number, customers // LANES)


async def _one(addresses: Addresses, night: Night, prefix: str, number: int, customers: int) -> None:
    kafka = KafkaConnection(addresses.kafka, prefix=prefix, group="bench-night")
    offsets, client = Offsets(kafka), connect(addresses.redis)
    await offsets.start()
    moved = 0

    class Counting(Silent):
        def stepped(self, step: Step) -> None:
            nonlocal moved
            moved += len(step.decision.changes)

    try:
        log, view = KafkaLog.of_lane(kafka, offsets, number), RedisView(client, number, prefix)
        await _fill(log, view, night.replay, number, customers)
        lane = Lane(number, log, view, LaneContext(night.policy, SystemClock()), Counting())
        begun = time.process_time()
        await lane.open()
        while lane.walking:
            await lane.turn()
        night.seconds.append(time.process_time() - begun)
        night.changes.append(moved)
        _check(lane, customers)
        await lane.close()
        # The next lane must not find a full server.
        await view.wipe("")
    finally:
        await offsets.stop()
        await client.aclose()


def _check(lane: Lane, customers: int) -> None:
    """Check that all customers in memory are on the new day: a lane that skips the step would be fast."""
    cache, book = lane.state.cache, lane.state.ledger
    days = cache.memory.matrix[np.flatnonzero(cache.memory.live), DAY]
    today = POLICY.grid.day_of(book.clock)
    assert len(cache) == min(customers, lane.settings.max_residents), f"{len(cache)} of {customers} customers"
    assert (days == today).all(), f"{int((days != today).sum())} customers have not been stepped"


async def _fill(log: KafkaLog, view: RedisView, replay: Replay, lane: int, customers: int) -> None:
    """Write a lane's view as at the end of a day, and its ledger with the clock of the next day."""
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
