from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.events import (
    EVENT_TYPES,
    MODELS,
    Event,
    FeedbackSubmitted,
    IdentityLinked,
    Interaction,
    OrderCompleted,
    OrderReversed,
    ProfileUpdated,
    types_of,
)

COMMON: dict[str, Any] = {"event_id": "e-1", "customer_id": "17850", "occurred_at": 1_320_228_900_000}
ORDER = {**COMMON, "type": "order.completed", "order_id": "536365", "total": 20.34, "currency": "GBP"}


def refused_field(model: type[Event], body: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(body)
    return ".".join(map(str, refused.value.errors()[0]["loc"]))


def test_each_type_is_of_one_model() -> None:
    assert len(EVENT_TYPES) == sum(len(types_of(model)) for model in MODELS) >= 20


def test_in_python_a_time_is_milliseconds_and_in_json_rfc_3339() -> None:
    order = OrderCompleted.model_validate(ORDER)
    assert order.occurred_at == 1_320_228_900_000
    assert '"occurred_at":"2011-11-02T10:15:00Z"' in order.model_dump_json()
    assert OrderCompleted.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize("total", [0, 0.0, 1e12])
def test_an_invoice_may_net_to_zero(total: float) -> None:
    assert OrderCompleted.model_validate({**ORDER, "total": total}).total == total


def test_a_returned_line_has_a_negative_quantity_but_never_a_negative_price() -> None:
    line = {"product_id": "85123A", "price": 2.55, "quantity": -6}
    assert OrderCompleted.model_validate({**ORDER, "products": (line,)}).products[0] == line
    assert refused_field(OrderCompleted, {**ORDER, "products": ({**line, "price": -0.01},)}) == "products.0.price"


def test_at_most_a_thousand_lines() -> None:
    line = {"product_id": "85123A"}
    assert len(OrderCompleted.model_validate({**ORDER, "products": (line,) * 1000}).products) == 1000
    assert refused_field(OrderCompleted, {**ORDER, "products": (line,) * 1001}) == "products"


@pytest.mark.parametrize(
    "value",
    ["", " a", "a\u3000", "a\nb", "x" * 129, "語" * 171, "a\x00", "17850\n", "a\u202eb", "a\u200eb", "\u2028", "a\tb"],
)
def test_customer_ids_that_are_refused(value: str) -> None:
    assert refused_field(OrderCompleted, {**ORDER, "customer_id": value}) == "customer_id"


@pytest.mark.parametrize(
    "value",
    [
        *("17850.0", "a", "x" * 128, "anna+shop@example.com", "shop:1_2-3", "a b", "a{b}", "a/b?c#d%", "..", "!ledger"),
        *("!model:1", "!learner:0", "auth0|17", "o'hara@example.com", "用户17", "jürgen@example.de", "أحمد", "Ольга"),
        *("می\u200cخواهم", "क्\u200dष", "👩\u200d🚀", "さくら", "한국", "Ελένη", "ไทย", "עברית", "語" * 128),
    ],
)
def test_customer_ids_that_are_fine(value: str) -> None:
    assert OrderCompleted.model_validate({**ORDER, "customer_id": value}).customer_id == value


def test_an_id_is_read_in_one_form_of_unicode() -> None:
    assert OrderCompleted.model_validate({**ORDER, "customer_id": "ju\u0308rgen"}).customer_id == "j\u00fcrgen"


@pytest.mark.parametrize("field", ["event_id", "order_id"])
@pytest.mark.parametrize("value", ["", "a\x00b", "a\tb", "a\nb", "\x7f", "\x9f", "\u2028", "x" * 257])
def test_no_id_may_break_a_log_line(field: str, value: str) -> None:
    assert refused_field(OrderCompleted, {**ORDER, field: value}) == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total", "20.34"),
        ("total", True),
        ("total", float("nan")),
        ("total", float("inf")),
        ("total", 1.1e12),
        ("currency", "gbp"),
        ("currency", "GBPX"),
        ("order_id", 536365),
        ("occurred_at", "2011-11-02T10:15:00"),
        ("occurred_at", 1.5),
        ("schema_version", 0),
        ("coupon", "x" * 513),
    ],
)
def test_nothing_is_coerced_and_limits_hold(field: str, value: object) -> None:
    assert refused_field(OrderCompleted, {**ORDER, field: value}) == field


def test_unknown_fields_are_ignored() -> None:
    assert OrderCompleted.model_validate({**ORDER, "new": {"a": 1}}) == OrderCompleted.model_validate(ORDER)


def test_a_reversal_names_its_order_or_says_how_much() -> None:
    body = {**COMMON, "type": "order.cancelled", "refund_id": "C1"}
    assert OrderReversed.model_validate({**body, "order_id": "1"}).total is None
    assert OrderReversed.model_validate({**body, "total": 0}).total == 0
    assert refused_field(OrderReversed, body) == ""
    assert refused_field(OrderReversed, {**body, "total": -1.0}) == "total"


def test_an_interaction_may_say_nothing_more() -> None:
    seen = Interaction.model_validate({**COMMON, "type": "checkout.started", "context": {"device": "mobile"}})
    assert seen.product_id is None and seen.context == {"device": "mobile"}
    assert refused_field(Interaction, {**COMMON, "type": "product.viewed", "price": -1.0}) == "price"


def test_traits_keep_absent_and_null_apart() -> None:
    event = ProfileUpdated.model_validate({**COMMON, "type": "profile.updated", "traits": {"city": None}})
    assert event.traits == {"city": None}


def test_only_a_complaint_needs_no_rating() -> None:
    body = {**COMMON, "type": "feedback.submitted"}
    assert FeedbackSubmitted.model_validate({**body, "kind": "complaint"}).rating is None
    assert refused_field(FeedbackSubmitted, {**body, "kind": "nps"}) == ""


def test_a_link_is_keyed_by_the_anonymous_id() -> None:
    link = IdentityLinked.model_validate({**COMMON, "type": "identity.linked", "anonymous_id": "anon-1"})
    assert link.partition_id() == "anon-1"
    assert OrderCompleted.model_validate(ORDER).partition_id() == "17850"


@pytest.mark.parametrize("model", MODELS)
def test_each_model_has_a_json_schema_with_times_as_text(model: type[Event]) -> None:
    schema = TypeAdapter(model).json_schema()
    assert schema["properties"]["occurred_at"]["format"] == "date-time"
