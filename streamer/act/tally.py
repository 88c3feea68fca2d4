"""The figures of ``act`` for Prometheus: read from the ledger after each turn, so they are exact over restarts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from streamer.act.heart.state import Outcome, State
from streamer.telemetry.metrics import Metric

ACT_METRICS: Final[tuple[Metric, ...]] = (
    Metric("act_messages_total", "counter", "Messages of a play, by the step they reached", ("play", "step")),
    Metric("act_dropped_total", "counter", "Messages of a play that a gate did not let pass", ("play", "gate")),
    Metric("act_waiting", "gauge", "Messages of a play that wait or are under way", ("play",)),
    Metric("act_doubtful", "gauge", "Messages that may or may not have been sent, and wait for a person", ("play",)),
    Metric("act_failed", "gauge", "Messages that could not be sent, and wait for a person", ("play",)),
    Metric("act_overdue_seconds", "gauge", "How long the message that waits longest is past its time"),
    Metric("act_breaker_open", "gauge", "1 where a channel is not called because it fails", ("channel",)),
    Metric("act_play_paused", "gauge", "1 where a play waits for a person", ("play",)),
    Metric("act_suppressed", "gauge", "Addresses that are not written to"),
    Metric("act_unaccounted", "gauge", "Planned messages that no other counter explains; always 0"),
    Metric("act_turns_total", "counter", "Committed turns of this process"),
)


class ActTally(Collector):
    """Collects the figures; fed by the owner, read by the metrics server from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._turns = 0

    def on_turn(self, state: State, outcome: Outcome, overdue_ms: int) -> None:
        """Take over the figures after a committed turn."""
        by_status: Counter[tuple[str, str]] = Counter((one.play, one.status) for one in state.messages.values())
        plays, found = state.ledger.plays, dict[str, dict[tuple[str, ...], float]]()
        found["act_messages_total"] = {
            (name, step): float(getattr(play, step))
            for name, play in plays.items()
            for step in ("planned", "sent", "withheld", "failed", "doubtful")
        }
        found["act_dropped_total"] = {
            (name, gate): float(count) for name, play in plays.items() for gate, count in play.dropped.items()
        }
        for metric, statuses in (
            ("act_waiting", ("waiting", "sending")),
            ("act_doubtful", ("doubtful",)),
            ("act_failed", ("failed",)),
        ):
            found[metric] = {(name,): float(sum(by_status[name, one] for one in statuses)) for name in plays}
        found["act_overdue_seconds"] = {(): overdue_ms / 1000}
        found["act_breaker_open"] = {(name,): float(one.opened > 0) for name, one in state.ledger.channels.items()}
        found["act_play_paused"] = {(name,): float(play.status == "paused") for name, play in plays.items()}
        found["act_suppressed"] = {(): float(len(state.suppressed))}
        found["act_unaccounted"] = {(): float(state.unaccounted())}
        with self._lock:
            self._turns += 1
            found["act_turns_total"] = {(): float(self._turns)}
            self._values = found

    def collect(self) -> Iterable[Family]:
        with self._lock:
            values = self._values
        return self._families(values)

    def _families(self, values: dict[str, dict[tuple[str, ...], float]]) -> Iterator[Family]:
        for metric in ACT_METRICS:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.full_name, metric.help, labels=metric.labels)
            for labels, value in values.get(metric.name, {}).items():
                family.add_metric(labels, value)
            yield family
