from __future__ import annotations

import msgspec
import pytest
from heart_logs import DAY, T0, state_of
from hypothesis import given
from hypothesis import strategies as st

from models.customer import snapshot
from models.customer.customer import Customer
from models.customer.dedupe import digest
from models.customer.orders import Order, Reversal
from models.features.features import FeatureContext
from models.rules.assign import assign
from models.rules.defaults import DEFAULTS
from schemas.errors import InvariantViolation
from schemas.events import INTERACTIONS

SHOP = FeatureContext()


def act(customer: Customer, number: int, kind: str) -> None:
    at = T0 + number * DAY // 7
    if kind == "order":
        booked = customer.book.add(Order(at, digest(f"o{number}"), 100 * number, 2, 1, (("tea", 50),)))
        customer.post(booked, SHOP.half_life)
    elif kind == "refund":
        customer.post(customer.book.reverse(Reversal(at, digest(f"o{number - 1}"), 70, 1)), SHOP.half_life)
    else:
        customer.interact(number % 8, "tea", at, SHOP.half_life)
    customer.dedupe_window.add(digest(f"e{number}"))
    customer.last_seen = customer.as_of = at
    assign(customer, at, DEFAULTS, SHOP, None)


@given(
    st.lists(st.lists(st.sampled_from(["order", "refund", "view", "view", "view"]), max_size=90), max_size=12),
    st.booleans(),
)
def test_parts_written_batch_after_batch_load_as_the_same_customer(batches: list[list[str]], reload: bool) -> None:
    ann = Customer("ann", (3, 4711), T0)
    parts = snapshot.dump(ann, b"row0")
    number = 0
    for index, batch in enumerate(batches):
        for kind in batch:
            number += 1
            act(ann, number, kind)
        written = snapshot.dump(ann, b"row%d" % index)
        if not any(kind in ("order", "refund") for kind in batch):
            assert snapshot.BOOK not in written
        parts |= written
        again, behaviour = snapshot.load("ann", parts)
        assert state_of(again) == state_of(ann)
        assert behaviour == b"row%d" % index
        assert (again.row, again.book_dirty, again.written_ids) == (-1, False, ann.dedupe_window.total)
        if reload:
            ann = again


def test_an_event_rewrites_only_what_it_touched() -> None:
    ann = Customer("ann", (0, 0), T0)
    act(ann, 1, "order")
    assert set(snapshot.dump(ann, b"")) == {"", "o"}
    act(ann, 2, "view")
    assert set(snapshot.dump(ann, b"")) == {""}
    for number in range(3, 65):
        act(ann, number, "view")
    assert set(snapshot.dump(ann, b"")) == {"", "r0"}
    for number in range(65, 700):
        act(ann, number, "view")
    assert set(snapshot.dump(ann, b"")) == {"", *(f"r{slot}" for slot in range(8))}


def test_peek_shows_a_customer_by_its_core_alone() -> None:
    ann = Customer("ann", (0, 0), T0)
    for number in range(1, 200):
        act(ann, number, "order" if number % 9 == 0 else "view")
    parts = snapshot.dump(ann, b"")
    seen = snapshot.peek("ann", parts[snapshot.CORE])
    unseen = {"dedupe window", "book"}
    assert {k: v for k, v in state_of(seen).items() if k not in unseen} == {
        k: v for k, v in state_of(ann).items() if k not in unseen
    }


def test_what_is_missing_damaged_or_newer_is_noticed() -> None:
    ann = Customer("ann", (0, 0), T0)
    for number in range(1, 100):
        act(ann, number, "order")
    parts = snapshot.dump(ann, b"")
    with pytest.raises(InvariantViolation, match="core part"):
        snapshot.load("ann", {"o": parts["o"]})
    with pytest.raises(InvariantViolation, match="dedupe block"):
        snapshot.load("ann", {name: part for name, part in parts.items() if name != "r0"})
    with pytest.raises(InvariantViolation, match="order book"):
        snapshot.load("ann", parts | {"o": b"\xc1"})
    with pytest.raises(InvariantViolation, match="cannot be read"):
        snapshot.load("ann", parts | {"": parts[""][:-3]})
    newer = msgspec.msgpack.decode(parts[""])
    newer[0] = snapshot.VERSION + 1
    with pytest.raises(InvariantViolation, match="later"):
        snapshot.load("ann", parts | {"": msgspec.msgpack.encode(newer)})


def test_fewer_kinds_of_interactions_in_old_states_are_filled_up() -> None:
    ann = Customer("ann", (0, 0), T0)
    act(ann, 1, "view")
    core = msgspec.msgpack.decode(snapshot.dump(ann, b"")[""])
    core[16] = core[16][:5]
    again, _ = snapshot.load("ann", {"": msgspec.msgpack.encode(core)})
    assert again.statistics.interactions == ann.statistics.interactions
    assert len(again.statistics.interactions) == len(INTERACTIONS)
