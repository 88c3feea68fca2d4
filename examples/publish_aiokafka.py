"""Publish an order with aiokafka: python publish_aiokafka.py CUSTOMER"""

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer


async def main(customer: str) -> None:
    topic = os.environ.get("TOPIC_PREFIX", "") + "customer.events.v1"
    event = {
        "event_id": str(uuid.uuid4()),  # reuse it if you send the event again
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": datetime.now(UTC).isoformat(),
        "order_id": str(uuid.uuid4()),
        "total": 59.90,
        "currency": "EUR",
    }
    async with AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA"], enable_idempotence=True) as producer:
        # The key is the customer, which keeps a customer's events in order.
        await producer.send_and_wait(topic, key=customer.encode(), value=json.dumps(event).encode())


asyncio.run(main(sys.argv[1]))
