from __future__ import annotations

from dataclasses import replace

import pytest
from heart_logs import DAY, T0
from hypothesis import given
from hypothesis import strategies as st

from models.customer.customer import Customer, Membership
from models.customer.orders import Order, Reversal
from models.features.features import FeatureContext
from models.rules.assign import Reason, Transition, assign
from models.rules.conditions import Compare, Every, Member, Negation, Some
from models.rules.defaults import DEFAULTS
from models.rules.definitions import Definitions
from models.rules.due import next_moves
from models.rules.evaluate import facts
from models.rules.facts import Facts
from models.rules.rules import Rules
from models.rules.segmentation import Rule, Segment

SHOP = FeatureContext()
VALUE, LIFECYCLE = DEFAULTS.segmentations


def lifecycle(
    current: str | None, lateness: float, orders: float = 3.0, value: str = "low", recency: float = 10.0
) -> str:
    values = {"lateness": lateness, "orders": orders, "recency_days": recency, "spend_decayed": 0.0}
    return LIFECYCLE.evaluate(current, Facts(values, {"value": value}))


def test_first_match_wins() -> None:
    nan = float("nan")
    assert lifecycle(None, nan, orders=0, recency=nan) == "prospect"
    assert lifecycle(None, 0.1, orders=1) == "new"
    assert lifecycle(None, 0.1, orders=2) == "active"
    assert lifecycle(None, 0.1, orders=4) == "loyal"
    assert lifecycle(None, 0.1, orders=8) == "loyal"
    assert lifecycle(None, 0.1, orders=8, value="high") == "champion"
    assert lifecycle(None, 2.0, orders=8, value="top") == "at_risk"
    assert lifecycle(None, 4.0, orders=1) == "hibernating"
    assert lifecycle(None, 6.0) == "lost"
    assert lifecycle(None, 0.1, recency=365.0) == "lost"


@pytest.mark.parametrize(
    ("held", "lateness", "expected"),
    [
        ("active", 1.9, "active"),
        ("at_risk", 1.9, "at_risk"),
        ("at_risk", 1.79, "active"),
        ("hibernating", 3.7, "hibernating"),
        ("hibernating", 3.59, "at_risk"),
        ("lost", 5.6, "lost"),
        ("lost", 5.4, "hibernating"),
        ("at_risk", 3.9, "at_risk"),
    ],
)
def test_a_segment_is_left_only_below_its_exit_border(held: str, lateness: float, expected: str) -> None:
    assert lifecycle(held, lateness) == expected


def test_conditions_combine() -> None:
    tall = Compare("items", ">", 5.0, 5.0)
    top = Member("value", frozenset({"top"}))
    rules = Rules(
        "r",
        (Segment("a", "A", ""), Segment("b", "B", "")),
        (
            Rule("a", Every((Negation(tall), Some((top, Compare("spend", "!=", 0, 0)))))),
            Rule("b", None),
        ),
    )
    for items, spend, value, expected in (
        (1, 0, "top", "a"),
        (9, 0, "top", "b"),
        (1, 3, "low", "a"),
        (1, 0, "low", "b"),
    ):
        found = rules.evaluate(None, Facts({"items": float(items), "spend": float(spend)}, {"value": value}))
        assert found == expected


def moved(customer: Customer, at: int, before: Facts | None) -> list[Transition]:
    customer.as_of = at
    return assign(customer, at, DEFAULTS, SHOP, before)


def buy(customer: Customer, at: int, money: int) -> list[Transition]:
    before = facts(customer, at, DEFAULTS, SHOP) if customer.segments else None
    customer.post(customer.book.add(Order(at, b"%d" % at, money, 1, 0, ())), SHOP.half_life)
    return moved(customer, at, before)


def test_the_first_assignment_has_a_reason() -> None:
    ann = Customer("ann", (0, 0), T0)
    value, life = buy(ann, T0, 30_000)
    assert (value.before, value.after, life.before, life.after) == (None, "high", None, "new")
    assert [(r.feature, r.before, r.border) for r in value.reasons] == [("spend_decayed", None, 200.0)]
    assert value.reasons[0].after == pytest.approx(300)
    assert life.reasons == (Reason("orders", None, 1.0, 1.0),)


def test_a_membership_remembers_since_when() -> None:
    ann = Customer("ann", (0, 0), T0)
    buy(ann, T0, 3_000)
    buy(ann, T0 + DAY, 100)
    assert ann.segments["lifecycle"].segment == "active" and ann.segments["lifecycle"].since == T0 + DAY
    assert ann.segments["value"].since == T0


def test_next_move_counts_what_other_segmentations_do_meanwhile() -> None:
    eve = Customer("eve", (0, 0), T0)
    for day in range(0, 160, 20):
        buy(eve, T0 + day * DAY, 15_000)
    assert eve.segments["lifecycle"].segment == "champion"
    where = next_moves(eve, ["lifecycle"], DEFAULTS, SHOP).get("lifecycle")
    assert where is not None and where[0] == "loyal", "value falls to medium before lateness reaches 2"
    assert where == ("loyal", next_moves(eve, ["value"], DEFAULTS, SHOP)["value"][1])
    assert (where[1] - T0) / DAY == pytest.approx(163.8, abs=0.05)
    assert eve.segments["lifecycle"].segment == "champion", "asking moves nobody"


def test_next_move_of_somebody_who_has_nowhere_to_go() -> None:
    ann = Customer("ann", (0, 0), T0)
    moved(ann, T0, None)
    assert ann.segments["lifecycle"].segment == "prospect"
    assert next_moves(ann, ["lifecycle"], DEFAULTS, SHOP) == {}
    assert ann.due is None


def test_definitions_name_their_features_and_segments() -> None:
    assert DEFAULTS.features == ("lateness", "orders", "recency_days", "spend_decayed")
    assert DEFAULTS.names["lifecycle", "at_risk"] == "At risk"
    assert Definitions(1, (VALUE,)).features == ("spend_decayed",)


STEPS = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from(["buy", "cancel", "refund", "wait"]), st.integers(100, 60_000)),
    min_size=1,
    max_size=14,
)


@given(STEPS)
def test_reasons_are_complete_and_agree_with_what_happened(steps: list[tuple[int, str, int]]) -> None:
    """Check that the named features' ``after`` values, put into the facts before, yield the new segment."""
    ann = Customer("ann", (0, 0), T0)
    moved(ann, T0, None)
    at, names = T0, list[bytes]()
    for days, what, money in steps:
        at += days * DAY
        while ann.due is not None and ann.due <= at:
            check_settling(ann, ann.due, facts(ann, ann.as_of, DEFAULTS, SHOP))
        before = facts(ann, at, DEFAULTS, SHOP)
        if what == "buy":
            names.append(b"%d" % len(names))
            ann.post(ann.book.add(Order(at, names[-1], money, 1, 0, ())), SHOP.half_life)
        elif what != "wait" and names:
            taken = None if what == "cancel" else money
            ann.post(ann.book.reverse(Reversal(at, names[money % len(names)], taken, 0)), SHOP.half_life)
        check_settling(ann, at, before)


def check_settling(ann: Customer, at: int, before: Facts) -> None:
    now = facts(ann, at, DEFAULTS, SHOP)
    held = {name: membership.segment for name, membership in ann.segments.items()}
    for transition in moved(ann, at, before):
        segmentation = next(s for s in DEFAULTS.segmentations if s.name == transition.segmentation)
        assert transition.before == held[transition.segmentation]
        assert transition.after == ann.segments[transition.segmentation].segment
        assert transition.reasons
        patched = Facts(dict(before.values), dict(before.segments))
        for reason in transition.reasons:
            if reason.feature in patched.values:
                was, is_now = before.values[reason.feature], now.values[reason.feature]
                assert reason.before == (None if was != was else was)
                assert reason.after == (None if is_now != is_now else is_now)
                patched.values[reason.feature] = is_now
            else:
                assert isinstance(reason.after, str)
                patched.segments[reason.feature] = reason.after
        assert segmentation.evaluate(transition.before, patched) == transition.after
    assert ann.due is None or ann.due > at


def test_settling_again_at_the_same_instant_changes_nothing() -> None:
    ann = Customer("ann", (0, 0), T0)
    for day in (0, 10, 200, 700):
        buy(ann, T0 + day * DAY, 20_000)
        again = assign(ann, ann.as_of, DEFAULTS, SHOP, facts(ann, ann.as_of, DEFAULTS, SHOP))
        assert again == []


def test_another_half_life_is_another_shop() -> None:
    ann = Customer("ann", (0, 0), T0)
    slow = replace(SHOP, half_life=250.0 * DAY)
    ann.post(ann.book.add(Order(T0, b"a", 30_000, 1, 0, ())), slow.half_life)
    ann.segments["value"] = Membership("high", T0)
    assert facts(ann, T0 + 250 * DAY, DEFAULTS, slow).values["spend_decayed"] == pytest.approx(150.0)
