"""Run several lanes without Kafka: what one writes for another arrives there at the next opportunity or later."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence

from heart_logs import Driver, LogMaker, check_chain

from models.customer.customer import Customer
from schemas.partition import partition_for
from schemas.wire_time import epoch_ms
from streamer.core.decision import Change, Rerouted
from streamer.core.policy import Policy


class Lanes:
    """Drivers of all lanes of a policy, each with its log."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.drivers = [Driver(policy, lane) for lane in range(policy.lanes)]
        self.logs = [LogMaker(lane) for lane in range(policy.lanes)]
        self.waiting: deque[Rerouted] = deque()

    def event(self, value: bytes, now: int | None = None) -> None:
        """Append an event to its own lane, and decide it at once."""
        body = json.loads(value)
        key = body.get("anonymous_id", body["customer_id"]).encode()
        self.put(Rerouted(partition_for(key, self.policy.lanes), key, value, ()), now or epoch_ms(body["occurred_at"]))

    def put(self, record: Rerouted, now: int | None = None) -> None:
        log, driver = self.logs[record.partition], self.drivers[record.partition]
        log.now = max(other.now for other in self.logs)
        log.put(record.key, record.value, record.headers, now=now)
        seen = len(driver.rerouted)
        driver.feed(log.records[-1:])
        self.waiting.extend(driver.rerouted[seen:])

    def settle(self, most: int = 10_000) -> None:
        """Deliver everything in transit."""
        while self.waiting and most:
            self.put(self.waiting.popleft())
            most -= 1

    def finish(self, at: int) -> None:
        """Deliver everything, and evaluate all customers."""
        self.settle()
        assert not self.waiting, "records go round and round"
        for driver in self.drivers:
            driver.tick(at)
            check_chain(driver.changes)

    def driver_of(self, id: str) -> Driver:
        return self.drivers[partition_for(id.encode(), self.policy.lanes)]

    def customer(self, id: str) -> Customer:
        return self.driver_of(id).customer(id)

    def changes(self, id: str) -> Sequence[Change]:
        return [change for change in self.driver_of(id).changes if change.customer_id == id]

    def dead(self) -> list[str]:
        return [dead.message for driver in self.drivers for dead in driver.dead]

    def holds(self, id: str) -> bool:
        """Return whether any state is stored under an id."""
        return id in self.driver_of(id).parts
