"""Export the metrics of ``act`` to Prometheus, read from the ledger after each turn so that restarts keep them exact."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from streamer.act.heart import uplift
from streamer.act.heart.local import day_of, zone
from streamer.act.heart.state import Outcome, PlayState, State
from streamer.telemetry.metrics import Metric

CALL_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0)

ACT_METRICS: Final[tuple[Metric, ...]] = (
    Metric("act_messages_total", "counter", "Messages of a play, by the step they reached", ("play", "step")),
    Metric("act_dropped_total", "counter", "Messages of a play dropped by a gate", ("play", "gate")),
    Metric("act_waiting", "gauge", "Messages of a play that are waiting or being sent", ("play",)),
    Metric("act_doubtful", "gauge", "Messages that may or may not have been sent and await a decision", ("play",)),
    Metric("act_failed", "gauge", "Messages that could not be sent and await a decision", ("play",)),
    Metric("act_overdue_seconds", "gauge", "How long the most overdue message has been due"),
    Metric("act_breaker_open", "gauge", "1 while a channel is suspended because its calls fail", ("channel",)),
    Metric("act_play_paused", "gauge", "1 while a play is paused", ("play",)),
    Metric("act_suppressed", "gauge", "Addresses that receive no messages"),
    Metric("act_unaccounted", "gauge", "Planned messages that no other counter explains; always 0"),
    Metric("act_turns_total", "counter", "Transactions committed by this process"),
    Metric("act_plays_running", "gauge", "Plays that are running"),
    Metric(
        "act_heard_total",
        "counter",
        "Responses to messages of a play: unsubscribed, complained, bounced",
        ("play", "what"),
    ),
    Metric("act_budget_left", "gauge", "Messages that a play may still send today, in the shop's time zone", ("play",)),
    Metric("act_coupons_free", "gauge", "Unused coupon codes of a pool", ("pool",)),
    Metric("act_coupons_given", "gauge", "Coupon codes of a pool given to messages", ("pool",)),
    Metric(
        "act_uplift",
        "gauge",
        "Additional share of customers who buy because of a play: low, estimate, high",
        ("play", "bound"),
    ),
    Metric(
        "act_call_seconds", "histogram", "Time from the start of a call to its response", ("channel",), CALL_BUCKETS
    ),
)


Values = dict[str, dict[tuple[str, ...], float]]
"""Metric values by metric name and label values."""


def _of_plays(state: State) -> Values:
    """Return values from the counters of plays."""
    plays = state.ledger.plays
    steps = ("planned", "sent", "withheld", "failed", "doubtful")
    by_status: Counter[tuple[str, str]] = Counter((one.play, one.status) for one in state.messages.values())
    found: Values = {
        "act_messages_total": {
            (name, step): float(getattr(play, step)) for name, play in plays.items() for step in steps
        },
        "act_dropped_total": {
            (name, gate): float(count) for name, play in plays.items() for gate, count in play.dropped.items()
        },
        "act_heard_total": {
            (name, what): float(count) for name, play in plays.items() for what, count in play.responses.items()
        },
        "act_play_paused": {(name,): float(play.status == "paused") for name, play in plays.items()},
        "act_plays_running": {(): float(sum(play.status == "running" for play in plays.values()))},
    }
    for metric, statuses in (
        ("act_waiting", ("waiting", "sending")),
        ("act_doubtful", ("doubtful",)),
        ("act_failed", ("failed",)),
    ):
        found[metric] = {(name,): float(sum(by_status[name, one] for one in statuses)) for name in plays}
    return found


def _of_state(state: State) -> Values:
    """Return values from channels, addresses and pools."""
    pools = state.coupons.pools()
    return {
        "act_breaker_open": {(name,): float(one.opened > 0) for name, one in state.ledger.channels.items()},
        "act_suppressed": {(): float(len(state.suppressed))},
        "act_unaccounted": {(): float(state.unaccounted())},
        "act_coupons_free": {(name,): float(pool.free) for name, pool in pools.items()},
        "act_coupons_given": {(name,): float(pool.given) for name, pool in pools.items()},
    }


class Uplifts:
    """The uplift of each play, recomputed only when an arm has grown or the play's date has been reached."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[object, ...], uplift.Interval | None]] = {}

    def of(self, state: State, now: int) -> dict[tuple[str, ...], float]:
        """Return bounds by play, omitting plays whose arms are empty or not comparable."""
        found: dict[tuple[str, ...], float] = {}
        for name, play in state.ledger.plays.items():
            report_on = state.books[play.version].plays[name].report_on
            final = report_on is not None and now >= report_on
            interval = self._interval(name, play, final)
            if interval is not None:
                for bound in ("low", "estimate", "high"):
                    found[name, bound] = getattr(interval, bound)
        return found

    def _interval(self, name: str, play: PlayState, final: bool) -> uplift.Interval | None:
        sent, held, drawn = play.sent_arm, play.held_arm, play.drawn
        key = (sent.n, sent.bought, held.n, held.bought, drawn.n, drawn.held, final)
        known = self._known.get(name)
        if known is None or known[0] != key:
            off = uplift.ratio_is_off(drawn.n, drawn.held, drawn.expected)
            arms = uplift.Arm(sent.n, sent.bought), uplift.Arm(held.n, held.bought)
            known = self._known[name] = key, None if off else uplift.uplift(*arms, final=final)
        return known[1]


class ActMetrics(Collector):
    """Collects the metrics. The owner updates them, and the metrics server reads them from another thread."""

    def __init__(self, timezone: str = "UTC", now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._lock = threading.Lock()
        self._values: Values = {}
        self._turns = 0
        self._budgets: dict[str, tuple[int, dict[int, int]]] = {}
        self._calls: dict[str, tuple[list[int], float]] = {}
        self._uplifts = Uplifts()
        self._zone, _ = zone(None, timezone)
        self._now_ms = now_ms

    def on_call(self, channel: str, seconds: float) -> None:
        """Count one call of a channel."""
        with self._lock:
            counts, total = self._calls.setdefault(channel, ([0] * (len(CALL_BUCKETS) + 1), 0.0))
            counts[bisect_left(CALL_BUCKETS, seconds)] += 1
            self._calls[channel] = counts, total + seconds

    def on_turn(self, state: State, outcome: Outcome, overdue_ms: int) -> None:
        """Update the metrics after a committed turn."""
        found = _of_plays(state) | _of_state(state)
        found["act_overdue_seconds"] = {(): overdue_ms / 1000}
        found["act_uplift"] = self._uplifts.of(state, self._now_ms())
        budgets = {}
        for name, play in state.ledger.plays.items():
            budget = state.books[play.version].plays[name].budget
            if budget is not None:
                budgets[name] = budget, dict(play.days)
        with self._lock:
            self._turns += 1
            found["act_turns_total"] = {(): float(self._turns)}
            self._values, self._budgets = found, budgets

    def collect(self) -> Iterable[Family]:
        with self._lock:
            values, budgets = dict(self._values), self._budgets
            calls = {name: (list(counts), total) for name, (counts, total) in self._calls.items()}
        # A new day may begin without a turn.
        today = day_of(self._now_ms(), self._zone)
        values["act_budget_left"] = {
            (name,): float(max(0, most - days.get(today, 0))) for name, (most, days) in budgets.items()
        }
        yield from self._families(values)
        yield self._seconds(calls)

    @staticmethod
    def _seconds(calls: Mapping[str, tuple[list[int], float]]) -> Family:
        metric = next(one for one in ACT_METRICS if one.kind == "histogram")
        family = HistogramMetricFamily(metric.full_name, metric.help, labels=metric.labels)
        bounds = (*(str(bound) for bound in CALL_BUCKETS), "+Inf")
        for channel, (counts, total) in calls.items():
            family.add_metric([channel], list(zip(bounds, accumulate(counts), strict=True)), total)
        return family

    def _families(self, values: Values) -> Iterator[Family]:
        for metric in ACT_METRICS:
            if metric.kind == "histogram":
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.full_name, metric.help, labels=metric.labels)
            for labels, value in values.get(metric.name, {}).items():
                family.add_metric(labels, value)
            yield family
