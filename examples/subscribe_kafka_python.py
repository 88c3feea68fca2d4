"""Act on segment changes with kafka-python: python subscribe_kafka_python.py [GROUP]"""

import json
import os
import sqlite3
import sys

from kafka import KafkaConsumer

seen = sqlite3.connect("seen.db")
seen.execute("CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY)")
changes = KafkaConsumer(
    os.environ.get("TOPIC_PREFIX", "") + "segment.changes.v1",
    bootstrap_servers=os.environ["KAFKA"],
    group_id=sys.argv[1] if len(sys.argv) > 1 else "my-messages",
    isolation_level="read_committed",  # only committed changes
    auto_offset_reset="earliest",
    enable_auto_commit=False,
)
for record in changes:
    change = json.loads(record.value)
    known = seen.execute("SELECT 1 FROM seen WHERE event_id = ?", [change["event_id"]]).fetchone()
    if change["automation_safe"] and not known:
        to = change["to"]["id"] if change["to"] else "nothing"
        print(change["customer_id"], change["segmentation"], to, flush=True)  # send your message here
        seen.execute("INSERT INTO seen VALUES (?)", [change["event_id"]])
        seen.commit()
    changes.commit()
