"""Publish an order with confluent-kafka: python publish_confluent.py CUSTOMER"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime

from confluent_kafka import KafkaError, Message, Producer

topic = os.environ.get("TOPIC_PREFIX", "") + "customer.events.v1"
# These are the defaults: librdkafka chooses partitions by CRC32, other clients by murmur2. The service reroutes such
# records; set "partitioner": "murmur2_random" to avoid that.
producer = Producer({"bootstrap.servers": os.environ["KAFKA"], "enable.idempotence": True})
event = {
    "event_id": str(uuid.uuid4()),  # reuse it if you send the event again
    "type": "order.completed",
    "customer_id": sys.argv[1],
    "occurred_at": datetime.now(UTC).isoformat(),
    "order_id": str(uuid.uuid4()),
    "total": 59.90,
    "currency": "EUR",
}


def delivered(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        sys.exit(f"not published: {error}")


# The key is the customer, which keeps a customer's events in order.
producer.produce(topic, key=sys.argv[1], value=json.dumps(event), on_delivery=delivered)
producer.flush()
