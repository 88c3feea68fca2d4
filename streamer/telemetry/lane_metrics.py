"""Keep lane metrics, updated once per committed step. Reads nothing and publishes nothing itself.

The event loop counts steps, and the thread that answers a scrape reads the counts. A lane's ledger changes before its
transaction is committed, so its figures are copied here after the commit: a scrape never sees uncommitted figures.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.behaviour.layout import NEW_ID
from models.behaviour.model import SEGMENTATION, ClusterModel
from schemas.deadletters import REASONS
from schemas.money import Rates, exponent
from streamer.core.state import LaneState
from streamer.lanes.context import Step
from streamer.lanes.ports import WallClock
from streamer.telemetry.metrics import BY_NAME

NONE: Final = "none"
"""Label value for no segment."""
_CAUSED_BY_EVENT: Final = frozenset(("event", "profile"))

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]
"""Values of counters and gauges by metric and label values."""


class Histogram:
    """Counts of values by bucket. A value equal to a bound belongs to the bucket below."""

    __slots__ = ("_array", "bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self._array = np.array(bounds)

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def observe_many(self, values: NDArray[np.float64]) -> None:
        """Count many values at once."""
        found = np.bincount(np.searchsorted(self._array, values), minlength=len(self.counts)).tolist()
        self.counts = [old + new for old, new in zip(self.counts, found, strict=True)]
        self.total += float(values.sum())

    def cumulative(self) -> tuple[list[int], float]:
        """Return cumulative counts up to each bound and to infinity, and the sum of all values."""
        return np.cumsum(self.counts).tolist(), self.total


@dataclass(frozen=True, slots=True)
class _Figures:
    """A copy of a lane's ledger after a commit."""

    next_offset: int
    appended: int
    counts: dict[str, int]
    dead_letters: dict[str, int]
    fields_ignored: dict[str, int]
    control: dict[str, int]
    changes: dict[str, dict[str, int]]
    sizes: dict[str, dict[str, int]]
    revenue_minor: int
    guest_money: dict[str, int]
    model: ClusterModel | None

    @classmethod
    def of(cls, state: LaneState) -> _Figures:
        ledger = state.ledger
        return cls(
            ledger.next_offset,
            ledger.appended,
            {
                "records_consumed_total": ledger.consumed,
                "events_applied_total": ledger.applied,
                "events_duplicate_total": ledger.duplicates,
                "events_late_total": ledger.late,
                "records_rerouted_total": ledger.rerouted,
                "unaccounted_records": ledger.unaccounted,
                "customers_tracked": ledger.customers,
                "orders_total": ledger.orders,
                "reversals_total": ledger.reversals,
                "guest_orders_total": ledger.guests.orders if ledger.guests else 0,
                "guest_refunds_total": ledger.guests.refunds if ledger.guests else 0,
            },
            ledger.dead_letters.copy(),
            ledger.fields_ignored.copy(),
            ledger.control.copy(),
            {name: causes.copy() for name, causes in ledger.changes.items()},
            {name: sizes.copy() for name, sizes in ledger.sizes.items()},
            ledger.revenue_minor,
            {} if ledger.guests is None else ledger.guests.money,
            state.models[ledger.timeline[-1].version] if ledger.timeline else None,
        )


class MetricState:
    """All figures of one worker.

    Parameters
    ----------
    declared
        Segment names by ``(segmentation, segment)``, exported even when empty.
    lanes
        Partitions of the input topic.
    named
        Returns a segment's name in the service's language, given its segmentation, id and name.
    rates
        Rates with the currency of revenue; EUR by default.
    """

    def __init__(
        self,
        clock: WallClock,
        declared: Mapping[tuple[str, str], str] = MappingProxyType({}),
        lanes: int = 1,
        rates: Rates | None = None,
        named: Callable[[str, str, str], str] = lambda segmentation, id, name: name,
    ) -> None:
        self._clock = clock
        self._declared = dict(declared)
        self._named = named
        self._topic_lanes = lanes
        self._rates = rates or Rates("EUR")
        self._lock = threading.Lock()
        self._lanes: dict[int, _Figures] = {}
        self._ends: dict[int, int] = {}
        # When a lane last had no pending records, epoch ms.
        self._caught_up: dict[int, int] = {}
        self._stopped: dict[int, str] = {}
        self._owned = 0
        self._clock_skew = 0.0
        self._rebalances = 0
        self._restored = 0
        self._restoring: dict[int, float] = {}
        self._received: Counter[str] = Counter()
        self._moves: Counter[tuple[str, str | None, str | None]] = Counter()
        self._transactions: Counter[str] = Counter(committed=0, unknown=0, fenced=0)
        self._to_change = Histogram(BY_NAME["event_to_change_seconds"].buckets)
        self._to_commit = Histogram(BY_NAME["append_to_commit_seconds"].buckets)
        self._records = Histogram(BY_NAME["batch_records"].buckets)
        self._restores = Histogram(BY_NAME["lane_restore_seconds"].buckets)
        self._stages: dict[str, Histogram] = {}

    # -- what happens -----------------------------------------------------------------------------------------

    def on_step(self, step: Step) -> None:
        """Count a committed step. This is on the hot path: a few passes over the batch, with no further work per event."""
        figures = _Figures.of(step.state)
        decoded_records, committed_ms, changes = step.decoded_records, step.committed_ms, step.decision.changes
        # Event.type is a plain attribute, and a Counter built from a list counts in C.
        types = [
            decoded.event.type for decoded in decoded_records if decoded.event is not None and decoded.home is None
        ]
        appended = np.fromiter(
            (decoded.record.timestamp for decoded in decoded_records), np.int64, len(decoded_records)
        )
        waited = np.maximum(committed_ms - appended, 0) / 1000.0
        moves = [(c.segmentation, c.before, c.after) for c in changes]
        occurred = [c.changed_at for c in changes if c.cause in _CAUSED_BY_EVENT]
        with self._lock:
            self._lanes[step.partition] = figures
            self._received.update(types)
            self._moves.update(moves)
            self._transactions["committed"] += 1
            if len(decoded_records):
                self._records.observe(len(decoded_records))
                self._to_commit.observe_many(waited)
            if occurred:
                self._to_change.observe_many(np.maximum(committed_ms - np.array(occurred), 0) / 1000.0)
            for stage, seconds in step.seconds.items():
                if stage not in self._stages:
                    self._stages[stage] = Histogram(BY_NAME["batch_stage_seconds"].buckets)
                self._stages[stage].observe(seconds)

    def lane_restoring(self, lane: int, passed: int, of: int) -> None:
        """Record restore progress: ``passed`` changelog offsets out of ``of``."""
        with self._lock:
            self._restoring[lane] = passed / max(passed, of, 1)

    def lane_restored(self, state: LaneState, seconds: float, customers: int) -> None:
        """Record a restored lane, whose figures continue from its ledger. ``customers`` were read from the changelog."""
        with self._lock:
            self._lanes[state.ledger.partition] = _Figures.of(state)
            self._restoring[state.ledger.partition] = 1.0
            self._restores.observe(seconds)
            self._restored += customers

    def on_lanes(self, lanes: Iterable[int]) -> None:
        """Record a new assignment of lanes, and drop the figures of all other lanes."""
        owned = set(lanes)
        with self._lock:
            self._owned = len(owned)
            self._rebalances += 1
            for lane in (self._lanes.keys() | self._ends.keys() | self._restoring.keys()) - owned:
                self._release(lane)

    def release(self, lane: int) -> None:
        """Drop a lane that another worker owns now. Call this after the lane's last step."""
        with self._lock:
            self._release(lane)

    def _release(self, lane: int) -> None:
        for by_lane in (self._lanes, self._ends, self._caught_up, self._restoring, self._stopped):
            by_lane.pop(lane, None)

    def transaction_ended(self, decision: str, times: int = 1) -> None:
        """Count transactions that ended without a step: ``unknown`` or ``fenced``."""
        if decision not in self._transactions:
            raise ValueError(f"a transaction ends in one of {', '.join(self._transactions)}, not {decision!r}")
        with self._lock:
            self._transactions[decision] += times

    def lane_stopped(self, lane: int, reason: str) -> None:
        """Record a stopped lane, until it is released or reassigned."""
        with self._lock:
            self._stopped[lane] = reason

    def lane_released(self, lane: int) -> None:
        """Record that a stopped lane continues."""
        with self._lock:
            self._stopped.pop(lane, None)

    @property
    def stopped(self) -> dict[int, str]:
        """Reasons why lanes of this worker have stopped, by lane."""
        with self._lock:
            return self._stopped.copy()

    def on_clock_skew(self, seconds: float) -> None:
        """Record how far our clock is ahead of the broker's."""
        with self._lock:
            self._clock_skew = seconds

    def on_end_offsets(self, ends: Mapping[int, int]) -> None:
        """Record the current high watermarks of lanes at the broker."""
        now = self._clock.now_ms()
        with self._lock:
            self._ends.update(ends)
            for lane, end in ends.items():
                figures = self._lanes.get(lane)
                if figures is not None and figures.next_offset >= end:
                    self._caught_up[lane] = now

    # -- what is known ----------------------------------------------------------------------------------------

    def samples(self) -> Samples:
        """Return values of all counters and gauges except ``build_info``."""
        with self._lock:
            lanes, ends, caught_up = self._lanes.copy(), self._ends.copy(), self._caught_up.copy()
            received, moves, transactions = self._received.copy(), self._moves.copy(), self._transactions.copy()
            restoring, stopped = self._restoring.copy(), self._stopped.copy()
            plain = {
                "lanes": self._topic_lanes,
                "lanes_owned": self._owned,
                "rebalances_total": self._rebalances,
                "lane_restored_states_total": self._restored,
                "clock_skew_seconds": self._clock_skew,
            }
        out: Samples = {name: {(): float(value)} for name, value in plain.items()}
        out["events_received_total"] = {(type,): float(count) for type, count in received.items()}
        out["segment_moves_total"] = {
            (segmentation, before or NONE, after or NONE): float(count)
            for (segmentation, before, after), count in moves.items()
        }
        out["lane_restored_ratio"] = {(str(lane),): ratio for lane, ratio in restoring.items()}
        out["transactions_total"] = {(decision,): float(count) for decision, count in transactions.items()}
        out["segment_info"] = self._segment_info(lanes.values(), moves)
        for lane, figures in lanes.items():
            self._lane_samples(out, str(lane), figures)
            out.setdefault("lane_stopped", {})[str(lane),] = float(lane in stopped)
            if (end := ends.get(lane)) is not None:
                lag = max(0, end - figures.next_offset)
                out.setdefault("consumer_lag_records", {})[str(lane),] = float(lag)
                # Pending records were appended after the last decided one, and after the lane last had none pending.
                since = max(figures.appended, caught_up.get(lane, 0))
                seconds = max(0, self._clock.now_ms() - since) / 1000.0 if lag and since else 0.0
                out.setdefault("consumer_lag_seconds", {})[str(lane),] = seconds
        return out

    def _lane_samples(self, out: Samples, lane: str, figures: _Figures) -> None:
        for name, count in figures.counts.items():
            out.setdefault(name, {})[lane,] = float(count)
        dead = out.setdefault("dead_letters_total", {})
        # Export all reasons from the start, because a rate needs the zero before the first event.
        for reason in sorted(REASONS):
            dead[reason, lane] = float(figures.dead_letters.get(reason, 0))
        ignored = out.setdefault("fields_ignored_total", {})
        # As for reasons, but the fields are not known in advance; these two are the usual ones.
        for field, count in {"currency": 0, "occurred_at.zone": 0, **figures.fields_ignored}.items():
            ignored[field, lane] = float(count)
        control = out.setdefault("control_records_total", {})
        for type, count in figures.control.items():
            control[type, lane] = float(count)
        changes = out.setdefault("segment_changes_total", {})
        for segmentation, causes in figures.changes.items():
            for cause, count in causes.items():
                changes[segmentation, cause, lane] = float(count)
        revenue = figures.revenue_minor / 10**self._rates.places
        out.setdefault("net_revenue", {})[self._rates.base, lane] = revenue
        of_guests = out.setdefault("guest_net_revenue", {})
        for currency, minor in {self._rates.base: 0, **figures.guest_money}.items():
            of_guests[currency, lane] = minor / 10 ** exponent(currency)
        sizes = out.setdefault("segment_customers", {})
        for segmentation, segment in self._known_segments(figures.model):
            sizes[segmentation, segment, lane] = 0.0
        for segmentation, segments in figures.sizes.items():
            for segment, count in segments.items():
                sizes[segmentation, segment, lane] = float(count)
        if (model := figures.model) is not None:
            labels = (SEGMENTATION, str(model.version), model.frame.kind, str(model.k))
            out.setdefault("model_info", {})[labels] = 1.0

    def _known_segments(self, model: ClusterModel | None) -> dict[tuple[str, str], str]:
        """Return names of all segments by segmentation and id: the declared ones and the model's clusters."""
        if model is None:
            return self._declared
        clusters = {(SEGMENTATION, segment.segment_id): segment.name for segment in model.segments}
        return {**self._declared, (SEGMENTATION, NEW_ID): NEW_ID, **clusters}

    def _segment_info(
        self, lanes: Iterable[_Figures], moves: Mapping[tuple[str, str | None, str | None], int]
    ) -> dict[Labels, float]:
        """Return the name of every segment that occurs in another sample, or its id if it has no name."""
        names: dict[tuple[str, str], str] = {}
        for segmentation, before, after in moves:
            names |= {(segmentation, segment or NONE): segment or NONE for segment in (before, after)}
        # The newest model comes last, because lanes change versions one after the other.
        for figures in sorted(lanes, key=lambda one: one.model.version if one.model else 0):
            names |= {(segmentation, id): id for segmentation, sizes in figures.sizes.items() for id in sizes}
            names |= self._known_segments(figures.model)
        return {(*at, self._named(*at, name)): 1.0 for at, name in names.items()}

    def histograms(self) -> dict[str, dict[Labels, tuple[list[int], float]]]:
        """Return cumulative counts and sums of all histograms, by metric and label values."""
        with self._lock:
            return {
                "event_to_change_seconds": {(): self._to_change.cumulative()},
                "append_to_commit_seconds": {(): self._to_commit.cumulative()},
                "batch_records": {(): self._records.cumulative()},
                "lane_restore_seconds": {(): self._restores.cumulative()},
                "batch_stage_seconds": {(stage,): held.cumulative() for stage, held in self._stages.items()},
            }
