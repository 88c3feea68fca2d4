"""Test who is worth contacting and who needs no offer."""

from __future__ import annotations

from streamer.queries.foreseen_of_many import Foreseen
from streamer.web.console.reach import MOST, Reach


def foreseen(chance: float, spend: float) -> Foreseen:
    return Foreseen(1, {"p_buy_30d": chance, "expected_spend_90d": spend})


def test_calls_are_those_of_whom_most_is_expected_in_any_chunks() -> None:
    people = {f"c{i}": foreseen(0.1, float(i)) for i in range(20)}
    people |= {"often": foreseen(0.6, 500.0), "between": foreseen(0.59, 50.0), "border": foreseen(0.2, 900.0)}
    whole, parts = Reach(), Reach()
    whole.add(people)
    for id, one in people.items():
        parts.add({id: one})
    assert whole == parts
    assert [call.customer for call in whole.calls] == ["c19", "c18", "c17", "c16", "c15"] and len(whole.calls) == MOST
    assert (whole.known, whole.seldom, whole.anyway) == (23, 20, 1)
    assert (whole.seldom_money, whole.anyway_money) == (190.0, 500.0)


def test_nobody_to_call_where_nothing_is_expected() -> None:
    found = Reach()
    found.add({"gone": foreseen(0.01, 0.0)})
    assert (found.seldom, found.calls) == (1, [])


def test_nobody_who_allows_no_offers_is_suggested_for_a_call() -> None:
    people = {f"c{i}": foreseen(0.1, float(i)) for i in range(1, 5)}
    people |= {"gone": foreseen(0.1, 0.0), "often": foreseen(0.9, 50.0)}
    found = Reach()
    found.add(people, {"c4", "c2", "gone", "often"})
    assert [call.customer for call in found.calls] == ["c3", "c1"]
    assert (found.seldom, found.unasked) == (5, 2)
