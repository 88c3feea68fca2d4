from __future__ import annotations

import pytest
from heart_logs import T0, Driver, LogMaker, order, view

from schemas.control import CONTROL_HEADER, IMPORT_HEADER, REROUTED_HEADER, ControlClock
from schemas.errors import UnreadableBatch
from schemas.records import Headers, Record, UnopenedBatch
from schemas.signing import SIGNATURE_HEADER, ControlKeys, Seal, sign
from schemas.topics import EVENTS, PANEL
from streamer.core.decode import DecodedRecord, decode_records

KEY = b"secret"
KEYS = ControlKeys("", (KEY,))
SEAL = Seal("lane-1", 7)
CLOCK = b'{"type": "control.clock", "import_id": "i", "at": "2025-03-01T00:00:00Z"}'


def one(
    key: bytes | None,
    value: bytes | None,
    headers: Headers = (),
    *,
    local: tuple[str, ...] = (),
    control_keys: ControlKeys | None = None,
) -> DecodedRecord:
    record = Record(0, 7, T0, key, value, headers)
    [decoded] = decode_records([record], lanes=2, local=local, max_event_bytes=1_000, control_keys=control_keys)
    assert decoded.record is record
    assert [decoded.event is None, decoded.control is None, decoded.error is None].count(False) == 1
    return decoded


def test_an_event_at_home() -> None:
    decoded = one(b"ann", order("e", "ann", T0, 5.0))
    assert decoded.event is not None and decoded.event.customer_id == "ann"
    assert (decoded.home, decoded.import_id) == (None, None)


def test_a_misplaced_event_knows_its_home() -> None:
    assert one(b"gus", view("e", "gus", T0)).home == 1
    assert one(None, view("e", "gus", T0)).home == 1, "a null key takes the customer id"
    assert one(b"gus", view("e", "gus", T0), local=("gus",)).home is None, "known to be here"


def test_misplaced_a_second_time_it_is_a_dead_letter() -> None:
    decoded = one(b"gus", view("e", "gus", T0), [(REROUTED_HEADER, b"1")])
    assert decoded.error is not None and decoded.error.reason == "key_mismatch"
    assert one(b"ann", view("e", "ann", T0), [(REROUTED_HEADER, b"1")]).error is None


def test_what_an_import_wrote_says_so() -> None:
    headers = [("traceparent", b"x"), (IMPORT_HEADER, b"i-1")]
    assert one(b"ann", view("e", "ann", T0), headers).import_id == "i-1"
    assert one(b"ann", b"{", headers).import_id == "i-1", "also what is broken"
    assert one(b"gus", view("e", "gus", T0), headers).import_id == "i-1"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"ann", b"{", "not_json"),
        (b"ann", b"\xff\xfe", "not_json"),
        (b"ann", b"[]", "invalid_field"),
        (b"ann", b'{"type": "order.completed"}', "invalid_field"),
        (b"ann", b'{"type": "no.such"}', "unknown_type"),
        (None, None, "unknown_type"),
        (b" a", None, "invalid_field"),
        (b"ann", b" " * 1_001, "oversize"),
        (b"bob", view("e", "ann", T0), "key_mismatch"),
        (b"ann", CLOCK, "bad_control"),
    ],
)
def test_what_is_no_event_has_a_reason(key: bytes, value: bytes | None, reason: str) -> None:
    decoded = one(key, value)
    assert decoded.error is not None and decoded.error.reason == reason


def test_control_records_are_known_by_their_header() -> None:
    decoded = one(b"any key at all", CLOCK, [(CONTROL_HEADER, b"1")])
    assert decoded.control == ControlClock(import_id="i", at=T0)
    assert one(None, b"{", [(CONTROL_HEADER, b"1")]).error is not None
    off = one(None, CLOCK, [(CONTROL_HEADER, b"0")])
    assert off.error is not None and off.error.reason == "bad_control"


@pytest.mark.parametrize(
    ("signature", "seal"),
    [
        (KEYS.header(EVENTS, 0, SEAL, CLOCK)[1], SEAL),
        (ControlKeys("", (b"other",)).header(EVENTS, 0, SEAL, CLOCK)[1], "refused"),
        (KEYS.header(EVENTS, 1, SEAL, CLOCK)[1], "refused"),
        (KEYS.header(PANEL, 0, SEAL, CLOCK)[1], "refused"),
        (ControlKeys("shop-", (KEY,)).header(EVENTS, 0, SEAL, CLOCK)[1], "refused"),
        (KEYS.header(EVENTS, 0, SEAL, CLOCK)[1].replace(b";7;", b";8;"), "refused"),
        (KEYS.header(EVENTS, 0, SEAL, CLOCK)[1].replace(b"lane-1", b"lane-2"), "refused"),
        (sign(CLOCK, KEY), None),
        (sign(CLOCK, b"other"), "refused"),
        (b"2;lane-1;7", "refused"),
        (b"", "refused"),
        (None, None),
    ],
)
def test_a_signature_is_that_of_the_record_and_its_place_or_it_is_refused(
    signature: bytes | None, seal: Seal | str | None
) -> None:
    headers = [(CONTROL_HEADER, b"1")]
    if signature is not None:
        headers.append((SIGNATURE_HEADER, signature))
    decoded = one(None, CLOCK, headers, control_keys=KEYS)
    if seal == "refused":
        assert decoded.error is not None and decoded.error.reason == "bad_control"
    else:
        assert decoded.control is not None and decoded.seal == seal


def test_headers_without_a_value_stop_nobody() -> None:
    """Kafka allows them, and aiokafka returns None for them."""
    null: list[tuple[str, bytes]] = [(IMPORT_HEADER, None)]  # type: ignore[list-item]
    assert one(b"ann", view("e", "ann", T0), null).event is not None
    null = [(CONTROL_HEADER, b"1"), (SIGNATURE_HEADER, None)]  # type: ignore[list-item]
    assert one(None, CLOCK, null, control_keys=KEYS).seal is None


def test_order_is_kept() -> None:
    log = LogMaker()
    for number in range(20):
        log.event(view(f"e{number}", "ann", T0))
        log.put(b"ann", b"{")
    decoded_records = decode_records(log.records, lanes=2, local=(), max_event_bytes=1_000)
    assert [decoded.record for decoded in decoded_records] == log.records


def unopened(*, oversize: bool) -> Record:
    value = UnopenedBatch(b"{}", first=5, last=9, records=5, codec="lz4", why="no", oversize=oversize)
    return Record(0, 9, 1_000, None, value)


def test_a_batch_above_the_limit_is_refused_as_the_records_that_it_holds() -> None:
    [decoded] = decode_records([unopened(oversize=True)], lanes=2, local=(), max_event_bytes=1_000)
    assert decoded.error is not None and decoded.error.reason == "oversize" and decoded.count == 5
    assert "offsets 5 to 9 (lz4)" in decoded.error.message
    driver = Driver()
    driver.feed([unopened(oversize=True)])
    ledger = driver.state.ledger
    assert (ledger.consumed, ledger.next_offset, ledger.dead_letters) == (5, 10, {"oversize": 5})


def test_a_batch_that_cannot_be_opened_is_never_passed_over() -> None:
    with pytest.raises(UnreadableBatch, match="offsets 5 to 9, compressed with lz4"):
        decode_records([unopened(oversize=False)], lanes=2, local=(), max_event_bytes=1_000)
