"""Act on segment changes with confluent-kafka: python subscribe_confluent.py [GROUP]"""

import json
import os
import sqlite3
import sys

from confluent_kafka import Consumer

seen = sqlite3.connect("seen.db")
seen.execute("CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY)")
consumer = Consumer(
    {
        "bootstrap.servers": os.environ["KAFKA"],
        "group.id": sys.argv[1] if len(sys.argv) > 1 else "my-messages",
        "isolation.level": "read_committed",  # only committed changes
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([os.environ.get("TOPIC_PREFIX", "") + "segment.changes.v1"])
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    change = json.loads(message.value() or b"")
    known = seen.execute("SELECT 1 FROM seen WHERE event_id = ?", [change["event_id"]]).fetchone()
    if change["automation_safe"] and not known:
        to = change["to"]["id"] if change["to"] else "nothing"
        print(change["customer_id"], change["segmentation"], to, flush=True)  # send your message here
        seen.execute("INSERT INTO seen VALUES (?)", [change["event_id"]])
        seen.commit()
    consumer.commit(message=message)
