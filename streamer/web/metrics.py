"""Define the web process's Prometheus metrics: accepted events, and differences between read model and Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.process_collector import ProcessCollector

from schemas.errors import TransientError, UserError
from streamer.config.settings import Settings
from streamer.runtime.metrics_port import serve
from streamer.runtime.roles import ROLES
from streamer.telemetry.metrics import PREFIX, Metric
from streamer.telemetry.status_server import StatusServer
from streamer.web.collector.judging import Judged

WEB_METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "collector_events_total",
        "counter",
        "Events received over HTTP: `accepted`, `guest` (an order without a customer), or the reason for rejection",
        ("source", "result"),
    ),
    Metric(
        "collector_fields_ignored_total",
        "counter",
        "Invalid fields of accepted events that were ignored or replaced by a default",
        ("field",),
    ),
    Metric("read_model_members", "gauge", "Members of segments in the read model, over all segmentations"),
    Metric(
        "read_model_differences",
        "gauge",
        "Members by which the read model differs from the lanes' own counts; 0 at rest",
    ),
)
"""Metrics of the web process, in addition to the standard process metrics."""

_SECONDS: Final = 60.0
_PORT: Final = "web_metrics_port"
Sizes = Mapping[str, Mapping[str, int]]


class WebMetrics:
    """Counts events and comparisons, and serves the counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        events, ignored, members, differences = WEB_METRICS
        self._events = Counter(PREFIX + events.name, events.help, events.labels, registry=self._registry)
        self._ignored = Counter(PREFIX + ignored.name, ignored.help, ignored.labels, registry=self._registry)
        self._members = Gauge(PREFIX + members.name, members.help, registry=self._registry)
        self._differences = Gauge(PREFIX + differences.name, differences.help, registry=self._registry)
        ProcessCollector(registry=self._registry)

    def took(self, source: str, judged: Judged) -> None:
        """Count the events of a request after Kafka acknowledged the accepted ones."""
        if named := len(judged.records) - judged.guests:
            self._events.labels(source, "accepted").inc(named)
        if judged.guests:
            self._events.labels(source, "guest").inc(judged.guests)
        for one in judged.rejected:
            self._events.labels(source, one.reason).inc()
        for field, count in judged.noted.items():
            self._ignored.labels(field).inc(count)

    def compared(self, counted: Sizes, sizes: Sizes) -> None:
        """Record the member counts of the read model and of the lanes."""
        self._members.set(sum(sum(held.values()) for held in counted.values()))
        self._differences.set(differences(counted, sizes))

    async def compare(self, counted: Callable[[], Sizes], sizes: Callable[[], Sizes]) -> None:
        """Compare once a minute until cancelled. Both functions block."""
        while True:
            with suppress(TransientError, UserError):
                self.compared(await asyncio.to_thread(counted), sizes())
            await asyncio.sleep(_SECONDS)

    def serve(self, settings: Settings) -> StatusServer:
        """Serve ``/metrics``, on another port if the default one is taken. Raises UserError."""
        server = StatusServer(make_wsgi_app(self._registry), lambda: None, lambda: None)
        serve(server, ROLES["web"], settings)
        return server


def differences(counted: Sizes, sizes: Sizes) -> int:
    """Return the number of members by which the two sides differ, over all segments.

    >>> differences({"value": {"high": 3}}, {"value": {"high": 2, "low": 1}})
    2
    """
    found = 0
    for segmentation in counted.keys() | sizes.keys():
        one, other = counted.get(segmentation, {}), sizes.get(segmentation, {})
        found += sum(abs(one.get(segment, 0) - other.get(segment, 0)) for segment in one.keys() | other.keys())
    return found
