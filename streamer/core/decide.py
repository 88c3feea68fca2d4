"""The pure heart of a lane: takes a batch of records and the lane's state, and returns every effect as a value.

It uses no Kafka, no Redis and no wall clock. The live lane, the replay of a file, ``streamer parity`` and the tests all
call `decide`. The decision does not depend on batch boundaries: each record is evaluated against the lane's clock at
its own offset, and a customer's timers apply in order of time before the customer's next record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas.control import REROUTED_HEADER
from schemas.errors import InvalidEvent
from schemas.records import LogRecord
from streamer.core import controls, erasure, panel, timers
from streamer.core.admission import admit
from streamer.core.context import Context
from streamer.core.decision import DeadLetter, Decision, Rerouted
from streamer.core.decode import DecodedRecord
from streamer.core.handlers import HANDLERS
from streamer.core.ledger import bump
from streamer.core.policy import Policy
from streamer.core.state import NO_TICK, LaneState, Tick


class RecordFailed(Exception):
    """Applying one record raised an unexpected exception, which is the ``__cause__``.

    Attributes
    ----------
    offset
        Offset of the record.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the record at offset {offset} cannot be applied")
        self.offset = offset


def decide(
    decoded_records: Iterable[DecodedRecord], state: LaneState, policy: Policy, tick: Tick = NO_TICK
) -> Decision:
    """Apply records in order, then a tick of the clock.

    Parameters
    ----------
    decoded_records
        Consecutive records of one lane, decoded by ``decode.decode_records``. Each customer named by an event must be
        in the cache unless it has no state at all.
    state
        Changed in place.

    Returns
    -------
    Decision
        States to write, changes, dead letters, records for other lanes, panel rows.

    Raises
    ------
    RecordFailed
        A single record caused the failure. The state is then half changed, as after any other exception.
    """
    context = Context(state, policy)
    for span in _spans(decoded_records):
        timers.run_daily_steps(context)
        _take_all(context, span)
        panel.report_active(context)
    timers.tick(context, tick)
    panel.report_touched(context)
    if context.decision.new_day and state.erased:
        erasure.forget_the_oldest(context)
    return context.decision


def _spans(decoded_records: Iterable[DecodedRecord]) -> Iterator[list[DecodedRecord]]:
    """Split after every control record, because versions and the clocks of imports change only there."""
    span: list[DecodedRecord] = []
    for decoded in decoded_records:
        span.append(decoded)
        if decoded.control is not None:
            yield span
            span = []
    if span:
        yield span


def moves_clock(decoded: DecodedRecord, policy: Policy) -> bool:
    """Return whether a record's append time moves the lane's clock.

    With the wall clock, every record moves it. Otherwise records written by imports or by the service do not, so that
    old data is evaluated by its own event times alone.
    """
    return policy.wall or (decoded.import_id is None and decoded.control is None)


def _take_all(context: Context, span: list[DecodedRecord]) -> None:
    decoded = None
    try:
        for decoded in span:
            _take(context, decoded)
    except Exception as error:
        if decoded is None or isinstance(error, MemoryError):
            raise
        raise RecordFailed(decoded.record.offset) from error


def _take(context: Context, decoded: DecodedRecord) -> None:
    """Apply one record."""
    record, ledger, policy = decoded.record, context.ledger, context.policy
    ledger.consumed += decoded.count
    ledger.next_offset = record.offset + 1
    if record.timestamp > ledger.appended:
        ledger.appended = record.timestamp
    opened = None if decoded.import_id is None else ledger.imports.get(decoded.import_id)
    if opened is not None and record.timestamp > opened.appended:
        opened.appended = record.timestamp
    if moves_clock(decoded, policy):
        ledger.clock = max(ledger.clock, record.timestamp - policy.lateness_ms)
    for field in decoded.noted:
        bump(ledger.fields_ignored, field)
    if decoded.error is not None:
        _refuse(context, record, "intake", decoded.error, decoded.count)
    elif decoded.control is not None:
        try:
            controls.check_seal(context.ledger, record, decoded.seal)
            controls.take(context, decoded.control, record)
            bump(ledger.control, decoded.control.type)
        except InvalidEvent as error:
            _refuse(context, record, "control", error)
    elif decoded.home is not None:
        _reroute(context, decoded, decoded.home)
    elif decoded.event is not None:
        try:
            handler = HANDLERS[decoded.event.type]
            admitted = admit(context, decoded, decoded.event, handler)
            if admitted is not None:
                handler.apply(context, admitted)
        except InvalidEvent as error:
            _refuse(context, record, "decide", error)
    if context.late:
        timers.apply_late_nights(context, record.timestamp)


def _refuse(context: Context, record: LogRecord, stage: str, error: InvalidEvent, count: int = 1) -> None:
    bump(context.ledger.dead_letters, error.reason, count)
    context.decision.dead_letters.append(DeadLetter(record, stage, error.reason, error.message))


def _reroute(context: Context, decoded: DecodedRecord, home: int) -> None:
    record, event = decoded.record, decoded.event
    assert event is not None
    headers = [*record.headers, (REROUTED_HEADER, str(record.partition).encode())]
    key = record.key if record.key is not None and record.key.isascii() else event.partition_id().encode() or None
    context.ledger.rerouted += 1
    context.decision.rerouted.append(Rerouted(home, key, record.value, headers))
