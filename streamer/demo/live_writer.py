"""Write the simulated shop's live events into the lanes as they fall due."""

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
    """Write the shop's events until ``ended()``; returns the offset after the last record by lane.

    Parameters
    ----------
    on_sent
        Hears, for every record, where it stands and when the broker appended it.

    Raises
    ------
    TransientError
        Kafka did not take a record.
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
        raise TransientError(f"Kafka at {connection.bootstrap} did not accept the records: {error!r}") from error
    finally:
        await stop(client)
    return ends
