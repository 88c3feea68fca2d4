from __future__ import annotations

from math import ceil, isnan

import pytest
from heart_logs import DAY, T0
from hypothesis import given
from hypothesis import strategies as st

from models.customer.customer import Customer, Membership
from models.customer.decay import weight
from models.customer.orders import Order, Reversal
from models.customer.profile import OUTCOMES, Consent, Profile
from models.customer.statistics import CHECKOUT, REST
from models.features.features import FEATURES, FeatureContext, cadence_ms, top_category
from models.features.predicted import PREDICTED
from models.rules.bands import Band, Bands
from models.rules.conditions import Compare, Op
from models.rules.definitions import Definitions
from models.rules.due import next_due
from models.rules.evaluate import facts
from models.rules.facts import Facts
from models.rules.rules import Rules
from models.rules.segmentation import Rule, Segment

SHOP = FeatureContext()
OPS: tuple[Op, ...] = (">=", ">", "<", "<=", "=")


def buyer(*orders: tuple[int, int]) -> Customer:
    """Return a customer with orders of (instant, minor units)."""
    customer = Customer("ann", (0, 0), min((at for at, _ in orders), default=T0))
    for number, (at, money) in enumerate(orders):
        customer.post(customer.book.add(Order(at, b"%d" % number, money, 1, 0, ())), SHOP.half_life)
    customer.as_of = max((at for at, _ in orders), default=T0)
    return customer


def value(name: str, customer: Customer, at: int) -> float:
    return FEATURES[name].value(customer, at, SHOP)


def test_values_by_hand() -> None:
    ann = buyer((T0, 10_000), (T0 + 25 * DAY, 5_000))
    at = T0 + 50 * DAY
    assert value("orders", ann, at) == 2
    assert value("spend", ann, at) == 150.0
    assert value("items", ann, at) == 2
    assert value("spend_decayed", ann, at) == pytest.approx(50.0)
    assert value("orders_decayed", ann, at) == pytest.approx(0.75)
    assert value("recency_days", ann, at) == 25.0
    assert value("cadence_days", ann, at) == pytest.approx((25 + 90) / 3)
    assert value("lateness", ann, at) == pytest.approx(25 / ((25 + 90) / 3))
    assert value("age_days", ann, at) == 50.0
    assert value("interactions", ann, at) == 0


def test_a_checkout_is_open_until_an_order_comes_whichever_is_read_first() -> None:
    ann = buyer((T0, 10_000))
    assert isnan(value("checkout_hours", ann, T0 + DAY))
    for at in (T0 + 5_000, T0 + 1_000):
        ann.interact(CHECKOUT, None, at, SHOP.half_life)
    assert value("checkout_hours", ann, T0 + 5_000 + DAY) == 24.0
    crossing = FEATURES["checkout_hours"].crossing
    assert crossing is not None and crossing(ann, 1.0, SHOP) == T0 + 5_000 + 3_600_000
    ann.post(ann.book.add(Order(T0 + 5_000, b"x", 1_000, 1, 0, ())), SHOP.half_life)
    assert isnan(value("checkout_hours", ann, T0 + DAY)) and crossing(ann, 1.0, SHOP) is None
    ann.interact(CHECKOUT, None, T0 + 4_000, SHOP.half_life)
    assert isnan(value("checkout_hours", ann, T0 + DAY))
    # Once the order is cancelled, the checkout is open again.
    ann.post(ann.book.reverse(Reversal(T0 + 6_000, b"x", None, 0)), SHOP.half_life)
    assert value("checkout_hours", ann, T0 + 5_000 + DAY) == 24.0


def test_without_an_order_recency_and_lateness_are_missing_and_pass_no_comparison() -> None:
    ann = buyer()
    assert isnan(value("recency_days", ann, T0)) and isnan(value("lateness", ann, T0))
    assert FEATURES["recency_days"].crossing is not None
    assert FEATURES["recency_days"].crossing(ann, 5.0, SHOP) is None
    assert cadence_ms(ann) == 45 * DAY
    for op in OPS:
        definitions = _defined("recency_days", op, 3.0)
        assert definitions.segmentations[0].evaluate(None, facts(ann, T0, definitions, SHOP)) == "b"


def test_what_time_moves_has_a_crossing_and_nothing_else_has() -> None:
    ann = buyer((T0, 10_000), (T0 + 10 * DAY, 5_000))
    ann.post(ann.book.add(Order(T0 + 11 * DAY, b"all", 700, 2, 1, (("tea", 700),))), SHOP.half_life)
    ann.profile = Profile(consent=Consent(True, True, False, T0, b""))
    ann.profile.merge_traits({"birth_year": 1990, "signup_at": T0, "income": 5.0, "marketing_opt_in": True}, T0, b"")
    for kind in ("nps", "csat", "review", "complaint"):
        ann.profile.rate(kind, 4.0, weight(T0, SHOP.half_life))
    for outcome in OUTCOMES:
        ann.profile.count_outcome(outcome, weight(T0, SHOP.half_life))
    for feature in FEATURES.values():
        if feature.name in PREDICTED:
            # Rules evaluate these every night.
            continue
        late, early = feature.value(ann, T0 + 400 * DAY, SHOP), feature.value(ann, T0 + 20 * DAY, SHOP)
        moves = late != early
        assert moves == (feature.crossing is not None), feature.name


def _rule(feature: str, op: Op, border: float) -> Rules:
    segments = (Segment("a", "A", ""), Segment("b", "B", ""))
    return Rules("r", segments, (Rule("a", Compare(feature, op, border, border)), Rule("b", None)))


def _defined(feature: str, op: Op, border: float) -> Definitions:
    return Definitions(1, (_rule(feature, op, border),))


ORDERS = st.lists(st.tuples(st.integers(T0, T0 + 200 * DAY), st.integers(-2_000, 90_000)), min_size=1, max_size=6)


@given(
    ORDERS,
    st.sampled_from(["recency_days", "lateness", "age_days", "spend_decayed", "orders_decayed", "checkout_hours"]),
    st.sampled_from(OPS[:4]),
    st.one_of(st.integers(1, 400).map(float), st.floats(0.01, 500, allow_nan=False)),
)
def test_the_due_is_the_very_millisecond_at_which_the_comparison_turns(
    orders: list[tuple[int, int]], name: str, op: Op, border: float
) -> None:
    ann = buyer(*orders)
    ann.as_of += 1
    ann.statistics.check_out(ann.as_of)
    definitions = _defined(name, op, border)
    segmentation = definitions.segmentations[0]

    def now(at: int) -> str:
        return segmentation.evaluate(None, facts(ann, at, definitions, SHOP))

    start, end = ann.as_of, ann.as_of + 5_000 * DAY
    ann.segments["r"] = Membership(now(start), start)
    due = next_due(ann, start, definitions, SHOP)
    if now(start) == now(end):
        assert due is None or due > end
        return
    low, high = start, end
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if now(middle) == now(start) else (low, middle)
    assert due == high


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["tea", "jam", REST]), st.integers(1, 900)), min_size=1),
    st.sampled_from(OPS[:4]),
    st.floats(0.02, 0.98),
)
def test_the_share_of_a_category_fades_and_its_due_is_the_very_millisecond(
    orders: list[tuple[int, str, int]], op: Op, border: float
) -> None:
    ann = Customer("ann", (0, 0), T0)
    for number, (day, category, money) in enumerate(orders):
        at = T0 + day * DAY
        order = Order(at, b"%d" % number, money, 1, 0, ((category, money),))
        ann.post(ann.book.add(order), SHOP.half_life)
        ann.as_of = max(ann.as_of, at)
    definitions = _defined("top_share", op, border)
    segmentation, start = definitions.segmentations[0], ann.as_of
    end = start + 2_000 * DAY

    def now(at: int) -> str:
        return segmentation.evaluate(None, facts(ann, at, definitions, SHOP))

    ann.segments["r"] = Membership(now(start), start)
    due = next_due(ann, start, definitions, SHOP)
    if now(start) == now(end):
        assert due is None or due > end
        return
    assert due is not None and now(due) != now(start) == now(due - 1)
    assert value("top_share", ann, start) <= 1 and top_category(ann) in ("tea", "jam")


def test_of_categories_the_one_with_the_most_money_of_late_counts() -> None:
    ann = Customer("ann", (0, 0), T0)
    assert top_category(ann) is None
    for day, category, money in ((0, "tea", 9_000), (50, "jam", 3_000)):
        order = Order(T0 + day * DAY, category.encode(), money, 1, 0, ((category, money),))
        ann.post(ann.book.add(order), SHOP.half_life)
    assert top_category(ann) == "jam", "what is 50 days older counts a quarter"
    faded = 1 + 0.25
    share = 3_000 / (3_000 + 9_000 / 4)
    assert value("top_share", ann, T0 + 50 * DAY) == pytest.approx(share * faded / (faded + 0.5))
    ann.post(ann.book.reverse(Reversal(T0 + 51 * DAY, b"jam", None, 0)), SHOP.half_life)
    assert top_category(ann) == "tea"


def test_equality_holds_for_its_instant_only() -> None:
    ann = buyer((T0, 10_000))
    definitions = _defined("recency_days", "=", 5.0)
    ann.segments["r"] = Membership("b", T0)
    first = next_due(ann, T0, definitions, SHOP)
    assert first == T0 + 5 * DAY
    assert next_due(ann, first, definitions, SHOP) == first + 1
    assert next_due(ann, first + 1, definitions, SHOP) is None


def test_bands_fall_below_the_exit_border_of_the_band_held() -> None:
    bands = _bands("spend_decayed", (50.0, 45.0), (200.0, 180.0))
    ann = buyer((T0, 25_000))
    ann.segments["v"] = Membership("2", T0)
    due = next_due(ann, T0, Definitions(1, (bands,)), SHOP)
    assert due is not None
    assert value("spend_decayed", ann, due) < 180.0 <= value("spend_decayed", ann, due - 1)
    bob = buyer((T0, 3_000))
    bob.segments["v"] = Membership("0", T0)
    assert next_due(bob, T0, Definitions(1, (bands,)), SHOP) is None, "silence raises nobody"


def test_bands_of_a_feature_that_rises_with_time() -> None:
    bands = _bands("recency_days", (10.0, 9.0), (20.0, 18.0))
    ann = buyer((T0, 25_000))
    ann.segments["v"] = Membership("0", T0)
    assert next_due(ann, T0, Definitions(1, (bands,)), SHOP) == T0 + 10 * DAY


def _bands(feature: str, *borders: tuple[float, float]) -> Bands:
    all_borders = ((0.0, 0.0), *borders)
    return Bands(
        "v",
        tuple(Segment(str(number), str(number), "") for number in range(len(all_borders))),
        feature,
        tuple(Band(str(number), *border) for number, border in enumerate(all_borders)),
    )


@pytest.mark.parametrize(("held", "spend", "expected"), [
    ("2", 199.0, "2"), ("2", 180.0, "2"), ("2", 179.9, "1"), ("2", 44.0, "0"), ("2", 46.0, "1"),
    ("1", 199.0, "1"), ("1", 200.0, "2"), ("1", 45.0, "1"), ("1", 44.9, "0"),
    ("0", 49.9, "0"), ("0", 50.0, "1"), ("0", 500.0, "2"), (None, 49.9, "0"), (None, 185.0, "1"),
])  # fmt: skip
def test_band_hysteresis(held: str | None, spend: float, expected: str) -> None:
    bands = _bands("spend_decayed", (50.0, 45.0), (200.0, 180.0))
    assert bands.evaluate(held, Facts({"spend_decayed": spend}, {})) == expected


def test_crossing_rounds_up_to_whole_milliseconds() -> None:
    ann = buyer((T0, 10_000), (T0 + 7, 10_000))
    crossing = FEATURES["lateness"].crossing
    assert crossing is not None
    assert crossing(ann, 2.0, SHOP) == T0 + 7 + ceil(2 * (7 + 90 * DAY) / 3)
