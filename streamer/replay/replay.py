"""Replay a file inside this process: the same `decide`, one lane, no Kafka, and the model owner hosted inside.

The owner learns whenever a day of event time has passed, and a version that it publishes is the lane's next record.
Time depends only on the file, so the same file yields the same changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush

from models.behaviour.panel import shift_for
from models.learning.learner import Learner, LearnerConfig
from schemas import topics
from schemas.records import Headers, Record
from streamer.core.decide import decide
from streamer.core.decision import Change, Decision
from streamer.core.decode import decode_records
from streamer.core.policy import Policy
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.owner.publish_model import model_writes
from streamer.sources.import_records import Outgoing, import_records
from streamer.sources.source import Source

_BATCH_RECORDS = 2_000
"""Number of records decided together. It does not affect results; a day of a small shop has fewer."""


class Replay:
    """One lane in memory, with a learner that receives its data.

    Parameters
    ----------
    policy
        Policy for one lane, without the cause ``backfill``, because a replay treats old events as current.
    now_ms
        Append time of every record, epoch ms: the start of the run.
    on_changes
        Called with the changes of each step and the state they were decided in, in order of ``changed_at``.
    on_day
        Called after every day of data with the number of records so far and the clock (ms).
    """

    def __init__(
        self,
        policy: Policy,
        learner: LearnerConfig,
        now_ms: int,
        *,
        on_changes: Callable[[Sequence[Change], LaneState], None] | None = None,
        on_day: Callable[[int, int], None] = lambda records, clock: None,
    ) -> None:
        if policy.lanes != 1:
            raise ValueError(f"a replay has one lane, not {policy.lanes}")
        self.policy = policy
        self.state = LaneState.fresh(0)
        self.learner = Learner(learner)
        self.now_ms = now_ms
        self._on_changes = on_changes
        self._on_day = on_day
        self._dues: list[tuple[int, str]] = []
        self._day = 0

    def run(self, source: Source, until: int | None = None) -> None:
        """Process a source from its first event to its last, then let time pass up to ``until`` (ms).

        At the end, every due up to the clock is applied; without ``until``, the clock is at the last event. An earlier
        ``until`` changes nothing, because time does not go back.
        """
        import_id = f"replay-{source.content_hash[:32]}"
        for events, control in _until_control(import_records(source, import_id, self.policy.grid, latest=self.now_ms)):
            self._take(events)
            if control is not None:
                self._take([control])
                self._pass_time(self._clock(import_id))
        if until is not None:
            grid = self.policy.grid
            for day in range(grid.day_of(self.clock) + 1, grid.day_of(until) + 1):
                self._tick(grid.instant(day))
            self._tick(until)

    @property
    def clock(self) -> int:
        """Current clock, epoch ms."""
        return self.state.ledger.clock

    def _clock(self, import_id: str) -> int:
        return self.state.ledger.clock_of(import_id)

    def _tick(self, instant: int) -> None:
        self._step(decide([], self.state, self.policy, Tick(clock=instant)))
        self._pass_time(self.clock)

    def _pass_time(self, clock: int) -> None:
        """Apply everything due by ``clock``. Once a day, let the owner learn."""
        # Applying one due may create the next, which may have passed as well.
        while due := self._due(clock):
            self._step(decide([], self.state, self.policy, Tick(due=due)))
        day = self.policy.grid.day_of(clock)
        if day > self._day:
            self._day = day
            self._learn(day, clock)
            self._on_day(self.state.ledger.consumed, clock)

    def _due(self, clock: int) -> list[str]:
        """Return due customers in time order. The heap may contain outdated dues."""
        dues, cache = self._dues, self.state.cache
        found: dict[str, None] = {}
        while dues and dues[0][0] <= clock:
            at, id = heappop(dues)
            customer = cache.get(id)
            if customer is not None and customer.due == at:
                found[id] = None
        return list(found)

    def _take(self, outgoing: Sequence[Outgoing]) -> None:
        if outgoing:
            self._decide([(one.key, one.value, one.headers) for one in outgoing], self.now_ms)

    def _decide(self, written: Iterable[tuple[bytes | None, bytes | None, Headers]], appended_ms: int) -> None:
        offset = self.state.ledger.next_offset
        records = [Record(0, offset + at, appended_ms, *one) for at, one in enumerate(written)]
        decoded_records = decode_records(
            records,
            lanes=1,
            local=self.state.cache.customers,
            max_event_bytes=self.policy.max_event_bytes,
            reading=self.policy.reading,
        )
        decision = decide(decoded_records, self.state, self.policy, NO_TICK)
        self._step(decision)
        # What a lane writes for another lane is read next here.
        if decision.rerouted:
            self._decide([(one.key, one.value, one.headers) for one in decision.rerouted], appended_ms)

    def _step(self, decision: Decision) -> None:
        for customer in decision.touched.values():
            if customer.due is not None:
                heappush(self._dues, (customer.due, customer.id))
        # Before the next daily step, because a row describes its customer on the day that is still open.
        self._observe(decision)
        if decision.changes and self._on_changes is not None:
            # The sort is stable and a customer's events never go back in time, so their order is kept.
            self._on_changes(sorted(decision.changes, key=lambda change: change.changed_at), self.state)

    def _observe(self, decision: Decision) -> None:
        learner = self.learner
        if decision.panel_shift > learner.shift:
            learner.set_shift(decision.panel_shift)
        for row in decision.panel:
            learner.observe(row)

    def _learn(self, day: int, clock: int) -> None:
        learner = self.learner
        if day < learner.state.next_day:
            return
        learner.set_shift(max(learner.shift, shift_for(self.state.ledger.customers, self.policy.panel_target)))
        model = learner.learn(day).model
        if model is not None:
            [write] = model_writes(model, 1, self.now_ms)[topics.EVENTS, 0]
            # Append at the time of learning; the current time would advance the lane's clock beyond the data.
            self._decide([(write.key, write.value, write.headers)], clock)


def _until_control(records: Iterable[Outgoing]) -> Iterator[tuple[list[Outgoing], Outgoing | None]]:
    """Yield events in lists of bounded size, each with the control record that follows, if any."""
    events: list[Outgoing] = []
    for record in records:
        if record.every_lane:
            yield events, record
            events = []
        else:
            events.append(record)
            if len(events) >= _BATCH_RECORDS:
                yield events, None
                events = []
    # An import ends with a control record, so nothing is left.
