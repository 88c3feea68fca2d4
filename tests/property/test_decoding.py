"""Test that the fast decoding path is only a shortcut: it accepts nothing the contract rejects, and reads nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from schemas import arrivals
from schemas.arrivals import Arrival, Context, Line, quick
from schemas.codec import arrival, decode
from schemas.errors import InvalidEvent
from schemas.events import EVENT_TYPES

EXAMPLES = Path(arrivals.__file__).parent / "examples"
ODD: st.SearchStrategy[object] = st.sampled_from(
    [
        None, True, 0, -0.0, 1, 1.0, -1, 1e2, 1e12, 1_000_000_000_000.5, -1e12, 10**9, 10**9 + 1, 10**20, 1e308, 0.1, "", " ",
        "x", "EUR", "eur", "ÄÖÜ", "EURO", "a" * 128, "a" * 129, "a" * 256, "a" * 257, "a" * 512, "a" * 513, "a b", "a/b",
        "a\u0000b", "a\u001fb", "a\u007fb", "a\u0085b", "a\u2028b", "a\u00a0b", "a\u3000b", "茶", "\U0001f375", "é", "1", "²",
        "2026-01-01T00:00:00Z", "2026-01-01t00:00:00.5+01:00", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.1234567891Z", "0000-01-01T00:00:00Z", [], {}, [[]], {"a": 1},
        [{"product_id": "p"}], [{"product_id": "p", "quantity": 2, "price": 1, "name": None, "category": "c"}],
        [{"product_id": ""}], [{"product_id": "p\u0001"}], [{"quantity": 1}], [{"product_id": "p", "extra": 1}],
        [{"product_id": "p"}] * 1_001, {"channel": "web"}, {"channel": None}, {"channel": 1}, {"more": "x"},
    ]
)  # fmt: skip
FIELDS = st.sampled_from(
    [
        "event_id", "customer_id", "occurred_at", "sent_at", "schema_version", "context", "order_id", "refund_id", "total",
        "currency", "discount", "shipping", "tax", "coupon", "products", "product_id", "category", "price", "quantity",
        "url", "query", "type", "unknown",
    ]
)  # fmt: skip
PIECES = st.sampled_from(
    [
        b"", b"\xff", b"\xc3\xa9", b"\x00", b"\n", b"\\u00e9", b"\\ud800", b'"', b",", b"}", b"]", b"0", b"-", b"e5", b" ",
        b',"type":"email.opened"', b',"quantity":1', b'"x":NaN,', b'"x":"\xed\xa0\x80",', b'"x":%s,' % (b"9" * 5_000),
        b'"x":%s%s,' % (b"[" * 300, b"]" * 300),
    ]
)  # fmt: skip
WHOLE = [
    {"event_id": "e", "customer_id": "c1", "occurred_at": "2026-01-01T00:00:00.250Z", **fields}
    for fields in (
        {"type": "product.viewed", "product_id": "p", "price": 2, "currency": "EUR"},
        {"type": "email.opened", "context": {"channel": "web", "locale": "de-DE"}},
        {"type": "order.completed", "order_id": "o", "total": 5, "currency": "EUR", "products": [{"product_id": "p"}]},
        {"type": "order.refunded", "refund_id": "r", "order_id": "o"},
        {"type": "order.cancelled", "refund_id": "r", "total": 3.5, "currency": "EUR"},
    )
]


def check(value: bytes) -> None:
    """Check that the fast path returns nothing or what the contract yields, and both paths together always the latter."""
    found = quick(value)
    try:
        model = decode(None, value)
    except InvalidEvent as error:
        assert found is None, value
        with pytest.raises(InvalidEvent) as refused:
            arrival(None, value)
        assert (refused.value.reason, refused.value.field) == (error.reason, error.field)
        return
    arrived = arrival(None, value)
    if found is not None:
        assert arrived == found and type(arrived) is type(found)
    if isinstance(arrived, Arrival):
        assert arrived == arrivals.of(model)
        fields = asdict(arrived) | {"type": arrived.type}
        fields["context"] = arrived.context and asdict(arrived.context)
        assert {name: unfolded(one) for name, one in fields.items()} == {name: filled(name, one) for name, one in model}


def unfolded(one: object) -> object:
    return tuple(asdict(line) for line in one) if isinstance(one, tuple) else one


def filled(name: str, one: object) -> object:
    """Return a model's value, with None for what is missing in its dictionaries."""
    if name == "context" and isinstance(one, dict):
        return dict.fromkeys(Context.__struct_fields__) | one
    if isinstance(one, tuple):
        return tuple(dict.fromkeys(Line.__struct_fields__) | line for line in one)
    return one


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(WHOLE), st.dictionaries(FIELDS, ODD, max_size=3), st.booleans())
def test_odd_values_are_judged_alike(whole: dict[str, object], odd: dict[str, object], ascii: bool) -> None:
    check(json.dumps(whole | odd, ensure_ascii=ascii).encode())


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(WHOLE), st.data())
def test_odd_bytes_are_judged_alike(whole: dict[str, object], data: st.DataObject) -> None:
    value = json.dumps(whole).encode()
    at = data.draw(st.integers(0, len(value)))
    piece = data.draw(PIECES)
    check(value[:at] + piece + value[at + data.draw(st.integers(0, 2)) :])


def test_the_examples_of_the_contract_are_judged_alike() -> None:
    paths = [*EXAMPLES.glob("events/*.json"), *EXAMPLES.glob("refused/*.json")]
    assert len(paths) > 30
    for path in paths:
        check(path.read_bytes())


def test_what_comes_by_the_million_goes_the_quick_way() -> None:
    for whole in WHOLE:
        found = quick(json.dumps(whole).encode())
        assert found is not None and found.type == whole["type"] in EVENT_TYPES
        assert found.occurred_at == 1_767_225_600_250
