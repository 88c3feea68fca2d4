from __future__ import annotations

import pytest

from schemas.deadletters import MAX_LETTER_BYTES, REASONS, headers_for, letter_for, parse_headers, size_of
from schemas.records import Record

RECORD = Record(3, 4711, 1_320_228_900_120, b"17850", b"{", (("streamer-import", b"i-1"),))


def test_the_reasons_are_those_of_the_contract() -> None:
    assert {
        "oversize",
        "not_json",
        "unknown_type",
        "invalid_field",
        "key_mismatch",
        "unknown_currency",
        "too_late",
        "too_early",
        "bad_date",
        "nobody",
        "bad_control",
        "poison",
    } == REASONS


def test_headers_say_where_it_came_from_and_can_be_read_back() -> None:
    headers = headers_for(RECORD, "customer.events.v1", "decode", "not_json", "the value is not JSON")
    assert ("dlq.offset", b"4711") in headers and ("streamer-import", b"i-1") in headers
    letter = parse_headers(headers)
    assert (letter.topic, letter.partition, letter.offset) == ("customer.events.v1", 3, 4711)
    assert (letter.timestamp, letter.stage, letter.reason) == (RECORD.timestamp, "decode", "not_json")
    assert letter.message == "the value is not JSON" and letter.headers == RECORD.headers


def test_a_second_death_replaces_the_first() -> None:
    first = headers_for(RECORD, "customer.events.v1", "decode", "not_json", "x")
    again = Record(1, 7, 1, b"17850", b"{", first)
    letter = parse_headers(headers_for(again, "customer.events.v1", "decide", "too_late", "y"))
    assert (letter.offset, letter.reason, letter.headers) == (7, "too_late", RECORD.headers)


def test_long_messages_are_cut_and_unknown_reasons_refused() -> None:
    letter = parse_headers(headers_for(RECORD, "t", "decide", "poison", "x" * 10_000))
    assert len(letter.message) == 300
    with pytest.raises(ValueError):
        headers_for(RECORD, "t", "decide", "bad_luck", "")


def test_other_records_are_no_dead_letters() -> None:
    with pytest.raises(ValueError, match=r"dlq\.topic"):
        parse_headers([("ce_id", b"1")])


def test_a_letter_that_fits_is_the_record_byte_for_byte() -> None:
    record = Record(3, 41, 1, b"ann", b"{", (("h", b"\xff"),))
    key, value, headers = letter_for(record, "t", "decode", "not_json", "no")
    assert (key, value, parse_headers(headers).headers, parse_headers(headers).cut) == (
        b"ann",
        b"{",
        record.headers,
        "",
    )


@pytest.mark.parametrize("size", [1, MAX_LETTER_BYTES - 600, MAX_LETTER_BYTES, 3_000_000, 50_000_000])
def test_a_letter_of_any_record_fits_and_says_what_was_left_out(size: int) -> None:
    many = tuple((f"h{number}", b"x") for number in range(300_000))
    for key, value, own in (
        (b"k" * size, b"{", ()),
        (b"k", b"v" * size, ()),
        (b"k", b"{", (("h", b"x" * size),)),
        (b"k", b"v" * size, many),
        (None, None, (("h" * min(size, 500_000), b""),)),
    ):
        record = Record(3, 41, 1, key, value, own)
        found = letter_for(record, "t", "decode", "not_json", "no")
        assert size_of(*found) <= MAX_LETTER_BYTES + 200
        letter = parse_headers(found[2])
        whole = found[:2] == (key, value) and letter.headers == own
        assert whole == (letter.cut == "") and (letter.partition, letter.offset) == (3, 41)
        if not whole:
            assert size_of(key, value, own) > MAX_LETTER_BYTES - 600
        if size == 3_000_000 and own and own[0][1] != b"":
            assert "headers of" in letter.cut
        if size == 50_000_000 and value and len(value) == size:
            assert found[1] == b"v" * 4_096 and "of 50,000,000 bytes of the value" in letter.cut
