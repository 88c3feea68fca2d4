"""Export a worker's figures to Prometheus, by the table of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from streamer.telemetry.lane_metrics import MetricState
from streamer.telemetry.metrics import METRICS, OWNER_METRICS, Metric
from streamer.telemetry.owner_metrics import OwnerMetrics
from streamer.telemetry.status_server import Check, StatusServer


def _well() -> str | None:
    return None


class Exporter:
    """Serves a worker's figures to Prometheus from its own registry. Opens no port before `start`.

    Parameters
    ----------
    state
        Figures of the process, which the counting code keeps updating.
    version
        Version of the program, for ``build_info``.
    owner
        Figures of the model owner, if this is its process.
    healthy, ready
        Checks behind ``/healthz`` and ``/readyz``, called from other threads.
    """

    def __init__(
        self,
        state: MetricState,
        version: str,
        *,
        owner: OwnerMetrics | None = None,
        healthy: Check = _well,
        ready: Check = _well,
    ) -> None:
        self.state = state
        self._version = version
        self._owner = owner
        self.registry = CollectorRegistry()
        self.registry.register(_Collector(self))
        ProcessCollector(registry=self.registry)
        self._server = StatusServer(make_wsgi_app(self.registry), healthy, ready)

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve ``/metrics``, ``/healthz`` and ``/readyz``, and return the port. Raises UserError if that fails."""
        return self._server.start(host, port)

    def discover(self, targets: Callable[[], Sequence[str]]) -> None:
        """Serve these targets at ``/targets``."""
        self._server.discover(targets)

    def stop(self) -> None:
        """Stop serving; idempotent."""
        self._server.stop()

    def families(self) -> Iterator[Family]:
        """Yield all metrics of the table with their current values."""
        samples = self.state.samples()
        samples["build_info"] = {(self._version,): 1.0}
        histograms = self.state.histograms()
        if self._owner is not None:
            found = self._owner.samples()
            for metric in OWNER_METRICS:
                yield _plain(metric, found.get(metric.name, {}))
        for metric in METRICS:
            if metric.kind == "histogram":
                family = HistogramMetricFamily(metric.full_name, metric.help, labels=metric.labels)
                bounds = [*(str(bound) for bound in metric.buckets), "+Inf"]
                for labels, (counts, total) in histograms.get(metric.name, {}).items():
                    family.add_metric(labels, list(zip(bounds, counts, strict=True)), total)
                yield family
            else:
                yield _plain(metric, samples.get(metric.name, {}))


class _Collector(Collector):
    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def collect(self) -> Iterable[Family]:
        return self._exporter.families()


def _plain(metric: Metric, values: dict[tuple[str, ...], float]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.full_name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
