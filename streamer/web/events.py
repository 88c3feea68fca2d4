"""What customers choose on pages, as events of the input topic: acknowledged by the broker before the page answers."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.events import BaseEvent, ConsentUpdated, SubscriptionUpdated
from schemas.partition import partition_for
from streamer.act.links import Ticket
from streamer.act.ports import Customers
from streamer.adapters.kafka import KafkaConnection


class KafkaEvents:
    """`Events` on a real Kafka. ``consent_default`` is what holds for customers who never said anything."""

    def __init__(self, connection: KafkaConnection, lanes: int, customers: Customers, consent_default: bool) -> None:
        self._connection = connection
        self._lanes = lanes
        self._customers = customers
        self._consent_default = consent_default
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap,
            client_id="streamer-web",
            acks="all",
            enable_idempotence=True,
            **self._connection.security,
        )
        await self._producer.start()

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def leave(self, ticket: Ticket, list: str, event_id: str, at: int) -> None:
        await self._append(
            SubscriptionUpdated(
                event_id=event_id,
                type="subscription.updated",
                customer_id=ticket.customer,
                occurred_at=at,
                list=list,
                subscribed=False,
                message_id=ticket.message,
            )
        )

    async def not_personal(self, ticket: Ticket, event_id: str, at: int) -> None:
        seen = (await self._customers.read([ticket.customer]))[ticket.customer]
        profile = None if seen.customer is None else seen.customer.profile
        said = None if profile is None else profile.consent
        await self._append(
            ConsentUpdated(
                event_id=event_id,
                type="consent.updated",
                customer_id=ticket.customer,
                occurred_at=at,
                personalization=False,
                marketing=self._consent_default if said is None else said.marketing,
                analytics=self._consent_default if said is None else said.analytics,
            )
        )

    async def _append(self, event: BaseEvent) -> None:
        assert self._producer is not None, "open() comes first"
        key = event.customer_id.encode()
        await self._producer.send_and_wait(
            self._connection.topic(topics.EVENTS),
            event.model_dump_json(exclude_none=True).encode(),
            key,
            partition=partition_for(key, self._lanes),
        )
