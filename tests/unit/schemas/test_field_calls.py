"""Test calls as Segment's libraries send them: how many are accepted, and why the others are not."""

from __future__ import annotations

from field_calls import fates


def test_orders_in_odd_shapes_are_applied() -> None:
    found = list(fates("segment-order-shapes"))
    assert len(found) == 28
    assert sum(fate.startswith("applied") for _, fate in found) >= 25
    refused = [fate for _, fate in found if fate.startswith("refused")]
    assert len(refused) == 2 and all("did you mean order.completed?" in fate for fate in refused)


def test_each_other_call_is_applied_counted_by_name_or_refused_for_a_reason() -> None:
    found = dict(fates("segment-other-calls"))
    own = {call for call, fate in found.items() if fate == "own event"}
    assert {"Signed Up cu", "Subscription Started cu", "Coupon Applied cu"} < own and len(own) == 7
    assert {call: fate.split(": ")[1] for call, fate in found.items() if fate.startswith("refused")} == {
        "group ga": "unknown_type",
        "batch ": "unknown_type",
        "identify id": "nobody",
    }
    assert all(fate.startswith(("applied", "own event", "refused: ")) for fate in found.values())
