"""Run one step of a lane up to its commit: decode records, decide, and encode the result."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from schemas.errors import InvalidEvent, UnreadableBatch
from schemas.records import LogRecord, count_of
from schemas.topics import EVENTS
from streamer.core import ledger
from streamer.core.decide import RecordFailed, decide
from streamer.core.decision import Decision, Rerouted
from streamer.core.decode import DecodedRecord, decode_records, subject
from streamer.core.state import NO_TICK, LaneState, Tick
from streamer.lanes import encode, sizes
from streamer.lanes.context import LaneContext
from streamer.lanes.encode import CustomerFailed
from streamer.lanes.narrowing import blamed
from streamer.lanes.ports import Update, Writes

T = TypeVar("T")


class Prepared:
    """A step in progress.

    Attributes
    ----------
    decoded_records, end
        Decoded records, and the offset after them.
    unreadable
        An unreadable batch that follows the records.
    decision, raw_ledger, writes, update
        Result of the step; ``writes`` is empty if there is nothing to commit.
    begun, seconds
        Start on the event loop's clock, and the seconds spent in each stage.
    """

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.decoded_records: list[DecodedRecord] = []
        self.end = 0
        self.unreadable: UnreadableBatch | None = None
        self.due: Sequence[str] = ()
        self.decision = Decision()
        self.raw_ledger = b""
        self.writes: Writes = {}
        self.update = Update({}, b"", {})
        self.seconds: dict[str, float] = {}
        self._last = begun

    def stage(self, name: str) -> None:
        """Record the end of a stage."""
        now = asyncio.get_running_loop().time()
        self.seconds[name] = now - self._last
        self._last = now

    def keep(self, room: int) -> list[DecodedRecord]:
        """Keep the first ``room`` records and return the others, which wait."""
        others = self.decoded_records[room:]
        del self.decoded_records[room:]
        self.end = self.decoded_records[-1].record.offset + 1
        return others

    def lasts(self) -> float:
        """Return the seconds since the step began."""
        return asyncio.get_running_loop().time() - self.begun

    def at_risk(self, error: Exception) -> set[str]:
        """Return the customers that the step may have changed before this error, except those it only stepped to a new day."""
        decoded_records: Iterable[DecodedRecord] = self.decoded_records
        if isinstance(error, RecordFailed):
            decoded_records = itertools.takewhile(
                lambda decoded: decoded.record.offset <= error.offset, decoded_records
            )
        ids = {id for decoded in decoded_records if (id := subject(decoded)) is not None}
        ids.update(self.due)
        ids.update(self.decision.touched)
        return ids


def accusation(error: Exception, decoded_records: Sequence[DecodedRecord]) -> tuple[list[int], BaseException]:
    """Return the offsets suspected of an exception (empty if it names none), and the exception itself."""
    if isinstance(error, RecordFailed):
        return [error.offset], error.__cause__ or error
    if isinstance(error, CustomerFailed | sizes.RecordTooLarge) and error.customer is not None:
        accused = [decoded.record.offset for decoded in decoded_records if subject(decoded) == error.customer]
        return accused, error.__cause__ or error
    return [], error


class StepMaker:
    """Prepares the steps of one lane. Keeps no state between steps."""

    def __init__(self, context: LaneContext) -> None:
        self._context = context
        self._policy = context.policy
        self._settings = context.settings

    def begin(self, begun: float) -> Prepared:
        """Return an empty step that began at this event loop time."""
        return Prepared(begun)

    async def decode(
        self,
        made: Prepared,
        records: Sequence[LogRecord],
        end: int,
        state: LaneState,
        poison: Mapping[int, InvalidEvent],
    ) -> None:
        """Decode records, rejecting known poison without decoding it."""
        made.end = end
        for some in self._portions(records):
            if made.decoded_records:
                await asyncio.sleep(0)
            try:
                made.decoded_records += (
                    self._decode(some, state) if not poison else self._decode_each(some, state, poison)
                )
            except UnreadableBatch:
                self._up_to_unreadable(made, some, state, poison)
                return
            except Exception:  # a record raised an unexpected exception
                made.decoded_records += self._decode_each(some, state, poison)

    def _up_to_unreadable(
        self, made: Prepared, records: Sequence[LogRecord], state: LaneState, poison: Mapping[int, InvalidEvent]
    ) -> None:
        for record in records:
            try:
                made.decoded_records += self._decode_each([record], state, poison)
            except UnreadableBatch as error:
                made.unreadable = error
                made.end = made.decoded_records[-1].record.offset + 1 if made.decoded_records else error.first
                return

    def _decode(self, records: Sequence[LogRecord], state: LaneState) -> list[DecodedRecord]:
        return decode_records(
            records,
            lanes=self._policy.lanes,
            local=state.cache.customers,
            max_event_bytes=self._policy.max_event_bytes,
            reading=self._policy.reading,
            control_keys=self._settings.control_keys,
        )

    def _decode_each(
        self, records: Sequence[LogRecord], state: LaneState, poison: Mapping[int, InvalidEvent]
    ) -> list[DecodedRecord]:
        """Decode records one at a time. Reject known poison and records that raise an unexpected exception."""
        decoded_records = []
        for record in records:
            refusal = poison.get(record.offset)
            if refusal is None:
                try:
                    decoded_records += self._decode([record], state)
                    continue
                except UnreadableBatch:
                    raise
                except Exception as error:
                    refusal = blamed(record, error)
            decoded_records.append(DecodedRecord(record, error=refusal, count=count_of(record)))
        return decoded_records

    async def decide(
        self, made: Prepared, state: LaneState, clock: int | None, due: Sequence[str]
    ) -> Sequence[DecodedRecord]:
        """Decide the decoded records, then check the clock. ``due`` are customers in memory who may be due.

        Returns the records that the step had no time to decide. On a busy machine, a transaction with the usual number
        of records would stay open until the broker aborts it, because other lanes run equally large ones meanwhile.
        """
        made.due = due
        tick = Tick(clock, due)
        portions = list(self._portions(made.decoded_records)) or [()]
        decided = 0
        for portion in portions:
            last = portion is portions[-1] or made.lasts() > self._settings.step_seconds
            decision = decide(portion, state, self._policy, tick if last else NO_TICK)
            if portion is portions[0]:
                made.decision = decision
            else:
                made.decision.absorb(decision)
            decided += len(portion)
            if last:
                break
            await asyncio.sleep(0)
        left = made.keep(decided) if decided < len(made.decoded_records) else ()
        state.ledger.next_offset = made.end
        return left

    def encode(self, made: Prepared, state: LaneState, *, anyway: bool = False) -> None:
        """Encode the decision, if any; with ``anyway``, encode at least the ledger.

        Raises
        ------
        RecordTooLarge
            The broker would not accept one of the records.
        """
        decision = made.decision
        if decision.rerouted:
            decision.rerouted = [self._signed(rerouted) for rerouted in decision.rerouted]
        if not (made.decoded_records or decision.touched or decision.rerouted or anyway):
            return
        stored = encode.store(decision, state, self._policy)
        made.raw_ledger = ledger.dump(state.ledger)
        now = self._context.clock.now_ms()
        made.writes = encode.writes(decision, stored, made.raw_ledger, state, self._policy, now)
        sizes.check(made.writes)
        made.update = encode.update(decision, stored, made.raw_ledger, state, made.decoded_records)

    def _signed(self, rerouted: Rerouted) -> Rerouted:
        """Return the record, signed if it needs a signature and there is a key."""
        keys, seal, value = self._settings.control_keys, rerouted.seal, rerouted.value
        if keys is None or seal is None or value is None:
            return rerouted
        headers = [*rerouted.headers, keys.header(EVENTS, rerouted.partition, seal, value)]
        return Rerouted(rerouted.partition, rerouted.key, value, headers, seal)

    def _portions(self, all: Sequence[T]) -> Iterator[Sequence[T]]:
        """Yield portions small enough for other lanes to wait for."""
        size = self._settings.turn_records
        if len(all) <= size:
            return iter((all,)) if all else iter(())
        return (all[at : at + size] for at in range(0, len(all), size))
