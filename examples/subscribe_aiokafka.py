"""Act on segment changes with aiokafka: python subscribe_aiokafka.py [GROUP]"""

import asyncio
import json
import os
import sqlite3
import sys

from aiokafka import AIOKafkaConsumer


async def main(group: str) -> None:
    seen = sqlite3.connect("seen.db")
    seen.execute("CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY)")
    consumer = AIOKafkaConsumer(
        os.environ.get("TOPIC_PREFIX", "") + "segment.changes.v1",
        bootstrap_servers=os.environ["KAFKA"],
        group_id=group,
        isolation_level="read_committed",  # only committed changes
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        async for record in consumer:
            change = json.loads(record.value)
            known = seen.execute("SELECT 1 FROM seen WHERE event_id = ?", [change["event_id"]]).fetchone()
            if change["automation_safe"] and not known:
                to = change["to"]["id"] if change["to"] else "nothing"
                print(change["customer_id"], change["segmentation"], to, flush=True)  # send your message here
                seen.execute("INSERT INTO seen VALUES (?)", [change["event_id"]])
                seen.commit()
            await consumer.commit()


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "my-messages"))
