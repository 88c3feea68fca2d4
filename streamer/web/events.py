"""Customers' choices on pages as events of the input topic, acknowledged by the broker before the page answers."""

from __future__ import annotations

from schemas.events import BaseEvent, ConsentUpdated, SubscriptionUpdated
from streamer.act.links import Ticket
from streamer.act.ports import Customers
from streamer.web.addressed import addressed
from streamer.web.publisher import Publisher


class KafkaEvents:
    """`Events` on Kafka. ``consent_default`` is the consent assumed for customers who never sent one."""

    def __init__(self, publisher: Publisher, lanes: int, customers: Customers, consent_default: bool) -> None:
        self._publisher = publisher
        self._lanes = lanes
        self._customers = customers
        self._consent_default = consent_default

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
        consent = None if profile is None else profile.consent
        await self._append(
            ConsentUpdated(
                event_id=event_id,
                type="consent.updated",
                customer_id=ticket.customer,
                occurred_at=at,
                personalization=False,
                marketing=self._consent_default if consent is None else consent.marketing,
                analytics=self._consent_default if consent is None else consent.analytics,
            )
        )

    async def _append(self, event: BaseEvent) -> None:
        await self._publisher.append([addressed(event, self._lanes)])
