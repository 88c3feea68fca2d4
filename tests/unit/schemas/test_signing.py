"""Test what a signature covers, and which keys it accepts."""

from __future__ import annotations

import pytest

from schemas.errors import InvalidEvent
from schemas.signing import SIGNATURE_HEADER, WINDOW, ControlKeys, Seal, sign, verify
from schemas.topics import ACT, EVENTS

OLD, NEW = b"the key of last year", b"the key of this year"
SEAL = Seal("lane-3", 41)


def test_the_first_key_signs_and_each_of_them_checks() -> None:
    changing = ControlKeys("", (NEW, OLD))
    for signer, checker in ((ControlKeys("", (OLD,)), changing), (changing, ControlKeys("", (NEW,)))):
        assert checker.seal_of(EVENTS, 2, b"{}", [signer.header(EVENTS, 2, SEAL, b"{}")]) == SEAL
    with pytest.raises(InvalidEvent, match="missing or wrong"):
        ControlKeys("", (OLD,)).seal_of(EVENTS, 2, b"{}", [changing.header(EVENTS, 2, SEAL, b"{}")])


def test_fields_do_not_run_into_each_other() -> None:
    keys = ControlKeys("", (NEW,))
    codes = {
        keys.header(topic, partition, Seal(source, number), value)[1].rpartition(b";")[2]
        for topic, partition, source, number, value in [
            ("a", 1, "b", 11, b""),
            ("a", 11, "b", 1, b""),
            ("a1", 1, "b", 1, b""),
            ("a", 1, "1b", 1, b""),
            ("a", 1, "b", 1, b"1"),
        ]
    }
    assert len(codes) == 5


def test_without_keys_a_signature_is_believed_as_a_replay_must() -> None:
    header = ControlKeys("", (NEW,)).header(EVENTS, 2, SEAL, b"{}")
    assert ControlKeys("", ()).seal_of(EVENTS, 7, b"[]", [header]) == SEAL
    assert ControlKeys("", ()).seal_of(EVENTS, 7, b"[]", [(SIGNATURE_HEADER, b"of release 0.1")]) is None


def test_orders_of_machines_whose_clocks_differ_count_once_each_for_as_long_as_anybody_knows() -> None:
    keys, taken = ControlKeys("", (NEW,)), list[int]()

    def take(number: int) -> None:
        header = keys.header(ACT, 0, Seal("order", number), b"{}")
        taken[:] = keys.require(ACT, b"{}", [header], taken)

    numbers = [1_000 + 10 * one for one in range(WINDOW)]
    for number in (numbers[1], numbers[0], *numbers[2:]):
        take(number)
    assert taken == numbers
    for repeated in (numbers[0], numbers[-1], 999):
        with pytest.raises(InvalidEvent, match="already applied"):
            take(repeated)
    take(1_005)
    assert taken == [1_005, *numbers[1:]]
    with pytest.raises(InvalidEvent, match="missing or wrong"):
        keys.require(ACT, b"{}", [], [])


def test_no_key_stands_in_a_text_for_people() -> None:
    assert "year" not in repr(ControlKeys("", (NEW,)))


def test_signature_of_the_release_before_is_hmac_sha256() -> None:
    # RFC 4231, test case 2.
    mac = b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", b"Jefe") == mac
    assert verify(b"what do ya want for nothing?", mac, b"Jefe")
    assert not verify(b"what do ya want for nothing?", "é".encode(), b"Jefe")
