from __future__ import annotations

import pytest

from schemas.deadletters import REASONS, headers_for, parse_headers
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
