"""Publish an order with kafka-python: python publish_kafka_python.py CUSTOMER"""

import json
import os
import sys
import uuid
from datetime import UTC, datetime

from kafka import KafkaProducer

topic = os.environ.get("TOPIC_PREFIX", "") + "customer.events.v1"
producer = KafkaProducer(bootstrap_servers=os.environ["KAFKA"])
event = {
    "event_id": str(uuid.uuid4()),  # reuse it if you send the event again
    "type": "order.completed",
    "customer_id": sys.argv[1],
    "occurred_at": datetime.now(UTC).isoformat(),
    "order_id": str(uuid.uuid4()),
    "total": 59.90,
    "currency": "EUR",
}
# The key is the customer, which keeps a customer's events in order.
producer.send(topic, key=sys.argv[1].encode(), value=json.dumps(event).encode()).get(10)
producer.close()
