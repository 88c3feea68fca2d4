"""Channel ``kafka``: write the message to your own topic, keyed by message id so that you can drop duplicates."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from schemas.changes import message_headers
from streamer.act.channels.body import body, trace_headers
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered
from streamer.adapters.kafka import KafkaConnection

TIMEOUT_MS = 15_000


class KafkaSender:
    """A `Sender` to topics of the service's own Kafka.

    Parameters
    ----------
    connection
        Returns the connection; called when the first message is sent.
    """

    def __init__(self, connection: Callable[[], KafkaConnection]) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        value = body(message, rendered)
        headers = message_headers("play.message", message.id, message.customer, message.claimed)
        headers += [(name, text.encode()) for name, text in trace_headers(message).items()]
        try:
            producer = await self._started()
            if not await begun():
                return Answer("not_begun")
            taken = await producer.send_and_wait(
                channel.options["topic"], value, key=message.id.encode(), headers=headers
            )
        except (MessageSizeTooLargeError, TopicAuthorizationFailedError) as error:
            return Answer("refused", type(error).__name__)
        except (KafkaError, OSError, TimeoutError) as error:
            return Answer("retry", type(error).__name__, channel_down=True)
        return Answer("sent", f"partition {taken.partition}, offset {taken.offset}")

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            connection = self._connection()
            producer = AIOKafkaProducer(
                bootstrap_servers=connection.bootstrap,
                client_id=f"{connection.group}-messages",
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=TIMEOUT_MS,
                **connection.security,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            # Two concurrent messages may both have found no producer, so keep only one.
            if self._producer is not None:
                await producer.stop()
            else:
                self._producer = producer
        return self._producer

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()
