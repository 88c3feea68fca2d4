"""Publish alerts about a worker's lanes, derived from its metrics, for installations without Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import structlog
from aiokafka.errors import KafkaError

from schemas.alerts import Alert
from streamer.adapters import alert_log
from streamer.adapters.kafka import KafkaConnection, Offsets
from streamer.lanes.ports import WallClock
from streamer.telemetry.alerts import AlertBook, Conditions
from streamer.telemetry.lane_metrics import MetricState

log = structlog.get_logger(__name__)

_SECONDS = 10.0


class AlertPublisher:
    """Checks one worker's metrics at each call. Keeps alerts that cannot be written until they can."""

    def __init__(self, connection: KafkaConnection, metrics: MetricState, clock: WallClock) -> None:
        self._connection = connection
        self._metrics = metrics
        self._clock = clock
        self._conditions = Conditions()
        self._book = AlertBook()
        self._lanes: frozenset[int] = frozenset()
        self._outbox: list[Alert] = []

    async def check(self, offsets: Offsets, lanes: Iterable[int]) -> None:
        """Publish the alerts that began or ended since the last check. Does not raise if Kafka is unavailable."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._take_over(offsets, frozenset(lanes))
                now = time.monotonic()
                holding = self._conditions.hold(self._metrics.samples(), self._metrics.stopped, now)
                for alert in self._book.news(holding, now, self._clock.now_ms()):
                    level = log.warning if alert.type == "alert.raised" else log.info
                    level(alert.type, name=alert.name, lane=alert.lane, summary=alert.summary)
                    self._outbox.append(alert)
                if self._outbox:
                    await alert_log.publish(self._connection, self._outbox)
                    self._outbox.clear()
        except (KafkaError, TimeoutError) as error:
            log.info("failed to publish alerts; retrying", error=repr(error), waiting=len(self._outbox))

    async def _take_over(self, offsets: Offsets, lanes: frozenset[int]) -> None:
        """Load the alerts that the previous owner raised before a rebalance, so as not to raise them again."""
        if lanes == self._lanes:
            return
        self._book.keep(lanes)
        if gained := lanes - self._lanes:
            standing = await alert_log.open_alerts(self._connection, offsets)
            self._book.adopt((alert for alert in standing if alert.lane in gained), time.monotonic())
        self._lanes = lanes
