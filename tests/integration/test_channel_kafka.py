"""Test channel ``kafka`` on a real Kafka: the record's key is the message id, and it has the trace and the webhook's body."""

from __future__ import annotations

import asyncio
import json

import pytest
from act_world import NOON, change
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamer.act.channels.kafka import KafkaSender
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.render import Rendered
from streamer.adapters.kafka import KafkaConnection
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def send(bootstrap: str, topic: str, lease: bool = True) -> Answer:
    """Send a message with a trace to a topic."""
    message = Message("m-1", "win_back", 1, "ann", change(), NOON, NOON, NOON, claimed=NOON, attempt=1, trace=TRACE)

    async def begun() -> bool:
        return lease

    async def run() -> Answer:
        sender = KafkaSender(lambda: KafkaConnection(bootstrap))
        try:
            channel = Channel("bus", "kafka", (), {"topic": topic})
            return await sender.send(channel, message, Rendered("en", {}, {"why": "silent"}), "", begun)
        finally:
            await sender.close()

    return asyncio.run(run())


async def create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def first(bootstrap: str, topic: str) -> list[object]:
    reader = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await reader.start()
    try:
        record = await asyncio.wait_for(reader.getone(), 20)
        return [record.key, json.loads(record.value), dict(record.headers)]
    finally:
        await reader.stop()


def test_a_message_becomes_a_record_of_the_topic(addresses: Addresses, prefix: str) -> None:
    topic = f"{prefix}.shop.messages"
    asyncio.run(create(addresses.kafka, topic))
    assert send(addresses.kafka, topic, lease=False) == Answer("not_begun")
    assert send(addresses.kafka, topic).kind == "sent"
    key, body, headers = asyncio.run(first(addresses.kafka, topic))
    assert key == b"m-1"
    assert isinstance(body, dict) and body["data"]["message_id"] == "m-1" and body["data"]["why"] == "silent"
    assert isinstance(headers, dict)
    assert headers["traceparent"] == TRACE.encode() and headers["ce_subject"] == b"ann"


def test_no_broker_is_a_retry() -> None:
    answer = send("127.0.0.1:9", "nowhere")
    assert answer.kind == "retry" and answer.channel_down
