"""Publish an order with confluent-kafka: python publish_confluent.py CUSTOMER"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime

from confluent_kafka import KafkaError, Message, Producer

topic = os.environ.get("TOPIC_PREFIX", "") + "customer.events.v1"
# On purpose as it comes: librdkafka then picks partitions by CRC32, other clients by murmur2. The service carries
# such records to the right partition; with "partitioner": "murmur2_random" you spare it that.
producer = Producer({"bootstrap.servers": os.environ["KAFKA"], "enable.idempotence": True})
event = {
    "event_id": str(uuid.uuid4()),  # the same again if you send the event again
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


# The key is the customer: that keeps the order of a customer's events.
producer.produce(topic, key=sys.argv[1], value=json.dumps(event), on_delivery=delivered)
producer.flush()
