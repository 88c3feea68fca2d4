from __future__ import annotations

import pytest

from schemas.decisions import ModelDecision, decision_key, decode_decision, encode_decision
from schemas.errors import InvalidEvent
from schemas.signing import ControlKeys

KEYS, OTHER = (ControlKeys("", (key,)) for key in (b"a key of sixteen", b"another of sixteen"))


@pytest.mark.parametrize(
    "decision",
    [
        ModelDecision(action="approve", proposal=3),
        ModelDecision(action="reject", proposal=3),
        ModelDecision(action="rename", segment="champions", name="常客"),
        ModelDecision(segmentation="predictions", action="adopt", challenger={"products": [["age", "once"]]}),
    ],
)
def test_a_decision_comes_back_and_a_signed_one_only_with_its_signature(decision: ModelDecision) -> None:
    value, headers = encode_decision(decision)
    assert headers == [] and decode_decision(value) == (decision, [])
    signed, headers = encode_decision(decision, KEYS)
    found, taken = decode_decision(signed, headers, KEYS)
    assert found == decision
    for value, given in ((signed, []), (signed + b" ", headers), (signed, encode_decision(decision, OTHER)[1])):
        with pytest.raises(InvalidEvent, match="signature"):
            decode_decision(value, given, KEYS)
    # A copy of it has no second effect, and the next one does.
    with pytest.raises(InvalidEvent, match="already applied"):
        decode_decision(signed, headers, KEYS, taken)
    later, headers = encode_decision(decision, KEYS)
    assert len(decode_decision(later, headers, KEYS, taken)[1]) == 2


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b'{"type": "model.decision", "action": "approve"}',
        b'{"type": "model.decision", "action": "rename", "segment": "x"}',
        b'{"type": "model.decision", "action": "adopt", "proposal": 1}',
        b'{"type": "model.decision", "action": "drop", "proposal": 1}',
        b'{"type": "model.decision", "action": "approve", "proposal": 0}',
    ],
)
def test_half_a_decision_is_none(value: bytes) -> None:
    with pytest.raises(InvalidEvent) as caught:
        decode_decision(value)
    assert caught.value.reason == "bad_control"


def test_no_two_decisions_share_a_key() -> None:
    assert decision_key() != decision_key()
