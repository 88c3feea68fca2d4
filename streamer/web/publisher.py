"""Publishes events of the web process: an event counts as accepted only once the broker acknowledged it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas import topics
from schemas.errors import TransientError
from schemas.tracing import TRACE_HEADER
from streamer.adapters.kafka import KafkaConnection
from streamer.web.addressed import Addressed

_SECONDS: Final = 5.0
"""Maximum time for Kafka's acknowledgement, in seconds."""


class Publisher:
    """Appends events to the input topic, those of one call in order.

    The producer is not idempotent: an idempotent one refuses to continue after a batch timed out, and duplicates are
    harmless, because lanes recognise events by their ids. Only one batch per partition is in flight, which preserves
    the order.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._topic = connection.topic(topics.EVENTS)
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Connect. Raises KafkaError."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap,
            client_id="streamer-web",
            acks="all",
            max_request_size=topics.MAX_MESSAGE_BYTES,
            **self._connection.security,
        )
        await self._producer.start()

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def append(self, records: Sequence[Addressed], trace: bytes | None = None) -> None:
        """Append records, each with the given ``traceparent``.

        Raises
        ------
        TransientError
            Not all records were acknowledged in time; some may have been written.
        """
        assert self._producer is not None, "open() comes first"
        if not records:
            return
        headers = [] if trace is None else [(TRACE_HEADER, trace)]
        try:
            async with asyncio.timeout(_SECONDS):
                sent = [await self._send(self._producer, one, headers) for one in records]
                # Not gather: it would cancel futures that the producer resolves.
                await asyncio.wait(sent)
                for one in sent:
                    one.result()
        except (TimeoutError, KafkaError) as error:
            raise TransientError("Kafka does not answer; no event in this request was confirmed") from error

    async def _send(
        self, producer: AIOKafkaProducer, record: Addressed, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[object]:
        found: asyncio.Future[object] = await producer.send(
            self._topic, record.value, record.key, partition=record.lane, headers=headers
        )
        found.add_done_callback(_seen)
        return found


def _seen(sent: asyncio.Future[object]) -> None:
    """Retrieve a record's result, even if nobody waits for it any more."""
    if not sent.cancelled():
        sent.exception()
