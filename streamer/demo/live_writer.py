"""Write the simulated shop's live events to the lanes when they are due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from schemas import topics
from schemas.errors import TransientError
from streamer.adapters.kafka import KafkaConnection
from streamer.imports.import_writer import lane_of, producer, stop
from streamer.simulator.live import LiveShop

_STEP_SECONDS = 0.05


async def play(
    shop: LiveShop,
    connection: KafkaConnection,
    lanes: int,
    ended: Callable[[], bool],
    on_sent: Callable[[RecordMetadata], None] = lambda sent: None,
) -> dict[int, int]:
    """Write the shop's events until ``ended()``, and return the offset after the last record of each lane.

    Parameters
    ----------
    on_sent
        Called for every record with its partition, offset and append time.

    Raises
    ------
    TransientError
        Kafka did not accept a record.
    """
    ends: dict[int, int] = {}
    topic = connection.topic(topics.EVENTS)
    client = producer(connection)
    await client.start()
    try:
        while not ended():
            waiting = []
            for event in shop.due(time.time_ns() // 1_000_000):
                lane = lane_of(event.key, event.value, lanes)
                waiting.append(await client.send(topic, event.value, event.key, partition=lane))
            for sent in await asyncio.gather(*waiting):
                ends[sent.partition] = sent.offset + 1
                on_sent(sent)
            await asyncio.sleep(_STEP_SECONDS)
    except KafkaError as error:
        raise TransientError(f"Kafka at {connection.bootstrap} rejected the records: {error!r}") from error
    finally:
        await stop(client)
    return ends
