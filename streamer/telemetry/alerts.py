"""Derive active alerts from a worker's metrics, for services without Prometheus. Pure functions.

The conditions are those of ``prometheus/rules``, per lane, with the same thresholds and runbooks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.messages.count import Count
from schemas.alerts import Alert, AlertName, alert_id, condition_key
from streamer.telemetry import thresholds
from streamer.telemetry.lane_metrics import Samples

WINDOW_SECONDS: Final = 600.0
_EVERY_SECONDS: Final = 30.0
_LAG_FOR_SECONDS: Final = 300.0
_CALM_SECONDS: Final = 60.0
"""Seconds for which a condition must be gone before it counts as ended, so that a flickering one is reported once."""

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition to investigate. It is reported once it has held for ``after`` seconds."""

    name: AlertName
    lane: int
    severity: Severity
    summary: str
    after: float = 0.0

    @property
    def hint(self) -> str:
        """How to fix the condition."""
        return f"see docs/runbooks/{self.name}.md"


@dataclass(frozen=True, slots=True)
class _Sample:
    """Counters of a lane at an instant (monotonic seconds)."""

    at: float
    consumed: float
    refused: float
    changes: float
    customers: float


class Conditions:
    """Derives alert conditions from the metrics of one worker's lanes over the last ten minutes."""

    def __init__(self) -> None:
        self._history: dict[int, deque[_Sample]] = {}

    def hold(self, samples: Samples, stopped: Mapping[int, str], now: float) -> list[Condition]:
        """Return the conditions that hold at ``now`` (monotonic seconds), from the worker's samples and stopped lanes."""
        lanes = {int(labels[0]) for labels in samples.get("records_consumed_total", {})}
        for lane in self._history.keys() - lanes:
            del self._history[lane]
        found = [
            Condition("LaneStopped", lane, "critical", f"lane {lane} has stopped: {reason}")
            for lane, reason in stopped.items()
        ]
        skew = samples.get("clock_skew_seconds", {}).get((), 0.0)
        if abs(skew) > thresholds.CLOCK_SKEW_SECONDS:
            side = "ahead of" if skew > 0 else "behind"
            text = f"the clock of its machine is {abs(skew) / 3_600:,.1f} h {side} the broker's: lane {{}} moves nobody by time"
            found += [Condition("ClockJump", lane, "critical", text.format(lane)) for lane in sorted(lanes)]
        for lane in sorted(lanes):
            found += self._of_lane(samples, lane, now)
        return found

    def _of_lane(self, samples: Samples, lane: int, now: float) -> Iterable[Condition]:
        label = (str(lane),)

        def value(name: str) -> float:
            return samples.get(name, {}).get(label, 0.0)

        def total(name: str, counts: Callable[[tuple[str, ...]], bool] = lambda labels: True) -> float:
            return sum(
                held for labels, held in samples.get(name, {}).items() if labels[-1] == label[0] and counts(labels)
            )

        sample = _Sample(
            now,
            value("records_consumed_total"),
            total("dead_letters_total"),
            # An operator caused these moves and expects them.
            total("segment_changes_total", lambda labels: labels[1] not in thresholds.ORDERED_CAUSES),
            value("customers_tracked"),
        )
        history = self._history.setdefault(lane, deque())
        if not history or now - history[-1].at >= _EVERY_SECONDS:
            history.append(sample)
        while now - history[0].at > WINDOW_SECONDS:
            history.popleft()
        then = history[0] if history else sample
        consumed, refused = sample.consumed - then.consumed, sample.refused - then.refused
        if value("unaccounted_records"):
            count = abs(value("unaccounted_records"))
            yield Condition(
                "UnaccountedRecords",
                lane,
                "critical",
                f"{Count(round(count)):|record} of lane {lane} {Count(round(count)):~is|are} unaccounted for",
            )
        if refused >= thresholds.LEAST_REFUSED and refused > thresholds.REFUSED_SHARE * consumed:
            share = f"{refused / max(consumed, 1):.0%}"
            yield Condition(
                "RejectRatioHigh",
                lane,
                "critical",
                f"{share} of the records of lane {lane} in the last 10 minutes were rejected",
            )
        lag = value("consumer_lag_seconds")
        if lag > thresholds.LAG_SECONDS:
            text = f"records of lane {lane} wait up to {lag:,.0f} s"
            yield Condition("LagGrowing", lane, "warning", text, after=_LAG_FOR_SECONDS)
        moved = sample.changes - then.changes
        if then.customers >= thresholds.LEAST_CUSTOMERS and moved > thresholds.MOVED_SHARE * then.customers:
            yield Condition(
                "MoveStorm",
                lane,
                "critical",
                f"{Count(round(moved)):|change} in lane {lane} in the last 10 minutes, "
                f"with {Count(round(then.customers)):|customer}",
            )


@dataclass(slots=True)
class _Held:
    condition: Condition
    since_ms: int
    first: float
    last: float
    reported: bool = False


class AlertBook:
    """Tracks reported conditions: each is published once when it begins and once when it has ended."""

    def __init__(self) -> None:
        self._held: dict[bytes, _Held] = {}

    def adopt(self, open: Iterable[Alert], now: float) -> None:
        """Take over the open alerts of lanes that this worker has gained."""
        for alert in open:
            if alert.key not in self._held:
                condition = Condition(alert.name, alert.lane, alert.severity, alert.summary)
                self._held[alert.key] = _Held(condition, alert.since, now, now, reported=True)

    def keep(self, lanes: Iterable[int]) -> None:
        """Drop other lanes, which their owners report on."""
        ours = set(lanes)
        self._held = {key: held for key, held in self._held.items() if held.condition.lane in ours}

    def news(self, conditions: Iterable[Condition], now: float, now_ms: int) -> list[Alert]:
        """Return the alerts to publish, from the conditions that hold at ``now`` (monotonic seconds)."""
        news = []
        for condition in conditions:
            key = condition_key(condition.name, condition.lane)
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = _Held(condition, now_ms, now, now)
            held.last = now
            if not held.reported and now - held.first >= condition.after:
                held.reported = True
                news.append(_alert("alert.raised", condition, held.since_ms, now_ms))
        for key, held in list(self._held.items()):
            if now - held.last >= (_CALM_SECONDS if held.reported else _EVERY_SECONDS):
                del self._held[key]
                if held.reported:
                    news.append(_alert("alert.cleared", held.condition, held.since_ms, now_ms))
        return news


def _alert(type: Literal["alert.raised", "alert.cleared"], condition: Condition, since: int, at: int) -> Alert:
    return Alert(
        event_id=alert_id(condition.name, condition.lane, type, since),
        type=type,
        name=condition.name,
        severity=condition.severity,
        lane=condition.lane,
        since=since,
        at=at,
        summary=condition.summary,
        hint=condition.hint,
        mend=condition.hint,
    )
