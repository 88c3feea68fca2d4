"""Test that any order of links and events yields the same as sending everything under the final id."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from heart_lanes_many import Lanes
from heart_logs import DAY, HOUR, T0, event, order, reversal, view
from heart_statistics import assert_same
from heart_strategies import POLICY
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT

# Without hysteresis, a customer's segment follows from its statistics, not from the path.
PLAIN = load(re.sub(r",? exit (= )?[0-9.]+", "", DEFAULT_TEXT), 1)
JOINED = replace(POLICY, definitions=PLAIN, merge_known=True)
IDS = ("gus", "bob", "hal", "ann")
"""Each but the last is linked to a later one; `gus` and `hal` may be in other lanes than `ann`."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from(("order", "order", "view", "refund", "cancel", "feedback", "profile")),
        st.integers(0, 3),
        st.integers(0, 60),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=25,
)


def event_of(steps: list[tuple[str, int, int, int]], number: int, id: str) -> bytes:
    """Return one event under an id; a quarter are late. Two orders in a row are one order sent twice."""
    kind, _, hours, amount = steps[number]
    if kind == "order" and number % 2 and steps[number - 1][0] == "order":
        twin = json.loads(event_of(steps, number - 1, id))
        return json.dumps({**twin, "event_id": f"e{number}"}).encode()
    at = T0 + number * 20 * HOUR - (hours * HOUR if amount % 4 == 0 else 0)
    match kind:
        case "order":
            lines = [{"product_id": "p", "category": f"c{amount % 3}", "price": 9.5, "quantity": amount}]
            return order(f"e{number}", id, at, 9.5 * amount, f"o{number}", products=lines)
        case "refund":
            return reversal(f"e{number}", id, at, f"o{amount % 25}", total=2.0)
        case "cancel":
            return reversal(f"e{number}", id, at, f"o{amount % 25}")
        case "feedback":
            return event("feedback.submitted", f"e{number}", id, at, kind="nps", rating=amount % 11)
        case "profile":
            return event("profile.updated", f"e{number}", id, at, traits={"city": f"{amount}", "income": amount * 1.0})
        case _:
            return view(f"e{number}", id, at, category=f"c{amount % 3}")


@settings(deadline=None, max_examples=60)
@given(
    STEPS,
    st.tuples(st.integers(1, 3), st.integers(2, 3), st.just(3)),
    st.tuples(*[st.integers(0, 25)] * 3),
    st.lists(st.integers(0, 3), min_size=25, max_size=25),
)
def test_links_and_events_in_any_order(
    steps: list[tuple[str, int, int, int]], targets: tuple[int, ...], places: tuple[int, ...], arrivals: list[int]
) -> None:
    lanes, straight = Lanes(JOINED), Lanes(JOINED)
    clock = T0
    for number in range(26):
        now = clock = T0 + number * 20 * HOUR
        for old, place in enumerate(places):
            if place == number:
                new = IDS[targets[old]]
                lanes.event(event("identity.linked", f"l{old}", new, now, anonymous_id=IDS[old]), now)
        if number < len(steps):
            lanes.event(event_of(steps, number, IDS[steps[number][1]]), now)
            straight.event(event_of(steps, number, IDS[-1]), now)
            lanes.settle(arrivals[number])
    end = clock + 100 * DAY
    for one in (lanes, straight):
        one.finish(end)
        assert one.dead() == []
    found, wanted = lanes.customer("ann"), straight.customer("ann")
    assert found.book == wanted.book
    assert found.statistics.categories.keys() == wanted.statistics.categories.keys()
    assert_same(found.statistics, wanted.statistics)
    assert found.profile is not None
    if wanted.profile is not None:
        assert found.profile.shown_traits() == wanted.profile.shown_traits()
        assert {kind: one.count for kind, one in found.profile.ratings.items()} == {
            kind: one.count for kind, one in wanted.profile.ratings.items()
        }
    held = {name: member.segment for name, member in found.segments.items()}
    assert held == {name: member.segment for name, member in wanted.segments.items()}
    assert sum(driver.state.ledger.customers for driver in lanes.drivers) == 1
