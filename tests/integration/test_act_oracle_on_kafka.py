"""Test that plays match the oracle on a real Kafka and Valkey, with the owner restarted in the middle.

The traces are those of ``tests/property/test_act_oracle.py``; the test advances the clock of act and the lanes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from act_memory import Sender, Step, idle
from act_oracle import SHOP_ZONE, Oracle
from act_trace import BEGIN, Entry, Trace, made
from act_world_in_time import BOOKED, TEMPLATES, UNITS, People, change_of, endings, event_of, text
from aiokafka import AIOKafkaProducer
from kafka.admin import ConfigResource, KafkaAdminClient
from redis.asyncio import Redis

from models.customer.snapshot import dump
from schemas import topics
from schemas.act import CouponsCommand, PlayCommand, command_key, encode_command
from schemas.partition import partition_for
from schemas.records import Record
from streamer.act.customers import RedisCustomers
from streamer.act.heart.address import Addresses as Hashed
from streamer.act.heart.due import Policy
from streamer.act.heart.state import Outcome, State
from streamer.act.inputs import KafkaInputs
from streamer.act.journal import FileJournal
from streamer.act.links import Links
from streamer.act.owner import ActOwner
from streamer.act.settings import ActSettings
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.topics import create_topics
from streamer.core.ledger import Ledger
from streamer.core.ledger import dump as dump_ledger
from streamer.embedded import Addresses
from streamer.lanes.ports import Batch

pytestmark = pytest.mark.integration

CUSTOMERS = int(os.environ.get("ACT_CUSTOMERS", "40"))
DAYS = int(os.environ.get("ACT_DAYS", "6"))
CODES, BUDGET = max(2, CUSTOMERS // 20), max(1, CUSTOMERS // 400)
LANES = 2
POLICY = Policy(UNITS, SHOP_ZONE, True, Hashed(b"secret"), under_way=10**6, under_way_keyed=10**6)


class World:
    """Topics and the view at the hour of the test's clock."""

    def __init__(self, trace: Trace, addresses: Addresses, redis_url: str, prefix: str, folder: Path) -> None:
        self.now = BEGIN
        self.people, self.steps = People(trace), list[Step]()
        self.kafka = KafkaConnection(addresses.kafka, prefix=prefix)
        self.redis, self._folder = Redis.from_url(redis_url), folder
        self._offsets = Offsets(self.kafka)
        create_topics(addresses.kafka, prefix=prefix, lanes=LANES)
        self._stamped_by_this_test()

    def _stamped_by_this_test(self) -> None:
        """Let records be as old as the trace says: an erase also covers changes of a day after it, if it came later."""
        config = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
        read = (topics.CHANGES, topics.EVENTS)
        with KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap) as admin:
            admin.alter_configs([ConfigResource("TOPIC", self.kafka.topic(one), config) for one in read])

    def now_ms(self) -> int:
        return self.now

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap, acks="all")
        await self._producer.start()
        await self._offsets.start()
        for id in self.people.found:
            await self._show(id)

    async def stop(self) -> None:
        await self._producer.stop()
        await self._offsets.stop()
        await self.redis.aclose()

    async def owner(self) -> ActOwner:
        """Start another owner on the same topics."""
        source = (topics.ACT, 0)
        owner = ActOwner(
            KafkaLog(self.kafka, self._offsets, "act", source, source),
            KafkaInputs(self.kafka, LANES),
            RedisCustomers(self.redis, self.kafka.group, LANES),
            {"smtp": Sender()},
            FileJournal(self._folder),
            POLICY,
            Links(b"k"),
            LANES,
            self,
            ActSettings(messages_a_turn=10**6, lease_seconds=60, patience_seconds=20),
            on_turn=self._on_turn,
        )
        await owner.open()
        return owner

    def _on_turn(self, state: State, outcome: Outcome) -> None:
        for one in outcome.steps:
            message, gate = one.message, str(one.more.get("gate", ""))
            step = Step(one.type, message.id, message.customer, message.play, message.change_event_id, one.at, gate)
            self.steps.append(step)

    async def take(self, entries: Sequence[Entry]) -> None:
        """Apply events: the lanes and act's inputs have them, and the lanes are at this hour."""
        for entry in entries:
            self.people.take(entry)
            await self._show(entry.customer)
            topic = topics.CHANGES if entry.what == "change" else topics.EVENTS
            value = change_of(entry) if entry.what == "change" else event_of(entry)
            if value is not None:
                key = entry.customer.encode()
                await self._producer.send(
                    self.kafka.topic(topic), value, key, partition_for(key, LANES), timestamp_ms=entry.at
                )
        await self._producer.flush()
        for lane in range(LANES):
            ledger = Ledger.fresh(lane)
            ledger.next_offset, ledger.clock, ledger.customers = 10**12, self.now, 10_000
            await self.redis.set(self._keys(lane).ledger, dump_ledger(ledger))

    async def _show(self, id: str) -> None:
        customer = self.people.found[id]
        customer.profile_dirty = True
        parts: Any = dump(customer, b"")
        await self.redis.hset(self._keys(partition_for(id.encode(), LANES)).parts(id), mapping=parts)

    def _keys(self, lane: int) -> LaneKeys:
        return LaneKeys(self.kafka.group, lane)


def orders() -> list[Record]:
    """Load the codes, and start all plays."""
    segments = {name: tuple(sorted(ids)) for name, ids in BOOKED.items()}
    found: list[Any] = [CouponsCommand(pool="thanks10", codes=tuple(f"CODE-{number}" for number in range(CODES)))]
    for name in ("first_order", "cart_left", "win_back", "vip_at_risk", "high_value", "nurse"):
        order: Any = {
            "action": "start",
            "play": name,
            "text": text(BUDGET),
            "templates": TEMPLATES,
            "segments": segments,
        }
        found.append(PlayCommand(**order))
    encoded = [encode_command(one) for one in found]
    return [Record(0, at, BEGIN, command_key(), value, tuple(headers)) for at, (value, headers) in enumerate(encoded)]


async def hour(owner: ActOwner, now: int, read: KafkaInputs) -> None:
    """Run turns until all that was written is processed and nothing is due."""
    ends = {**await read.ends(topics.CHANGES), **await read.ends(topics.EVENTS)}
    ledger = owner.state.ledger
    while not idle(owner.state, now) or any(
        (ledger.changes if topic == topics.CHANGES else ledger.events).get(lane, 0) < end
        for (topic, lane), end in ends.items()
    ):
        await owner.turn()
        await owner.calls_ended()
        await asyncio.sleep(0.002)


async def ended(owner: ActOwner, pump: asyncio.Task[None]) -> None:
    """Stop the owner."""
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    await owner.close()


async def planned(world: World, trace: Trace) -> State:
    """Run the real owner over the first half of the trace, and another one over the rest."""
    await world.start()
    owner, asker = await world.owner(), KafkaInputs(world.kafka, LANES)
    await asker.open({})
    started = orders()
    owner.offer(Batch(0, len(started), started))
    await owner.turn()
    # `run` does this beside the turns.
    pump = asyncio.create_task(owner._fetch())
    for number, (now, entries) in enumerate(trace.by_hour()):
        world.now = now
        if number == trace.hours // 2:
            await ended(owner, pump)
            owner = await world.owner()
            pump = asyncio.create_task(owner._fetch())
        if entries or not idle(owner.state, now):
            await world.take(entries)
            await hour(owner, now, asker)
    await ended(owner, pump)
    await asker.close()
    await world.stop()
    return owner.state


def test_every_message_ends_as_the_oracle_says(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    trace = made(CUSTOMERS, DAYS, 5)
    world = World(trace, addresses, redis_url, prefix, tmp_path)
    state = asyncio.run(planned(world, trace))
    oracle = Oracle(trace, CODES, BUDGET).run()
    found = endings(world.steps)
    differ = {key: (found.get(key), oracle.became.get(key)) for key in found.keys() | oracle.became.keys()}
    differ = {key: both for key, both in differ.items() if both[0] != both[1]}
    assert not differ, f"{len(differ)} of {len(found)}: {list(differ.items())[:5]}"
    waiting = {(one.change.event_id, one.play) for one in state.messages.values()}
    assert waiting == oracle.waiting and state.unaccounted() == 0 and len(found) > CUSTOMERS
    print(f"{CUSTOMERS:,} customers, {DAYS} days, {len(found):,} messages: equal")
