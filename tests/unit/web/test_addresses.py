"""Test finding customers by an address: only while it is theirs, and without storing it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from models.customer.customer import Customer
from models.customer.profile import Profile, Trait
from schemas.endpoints import ENDPOINTS
from streamer.web.api.addresses import MOST, Addressed, AddressIndex
from streamer.web.api.view import Looked


def customer(id: str, **traits: str | None) -> Customer:
    found = Customer(id, (0, 0), 0)
    if traits:
        found.profile = Profile({name: Trait(value, 1, b"") for name, value in traits.items()})
    return found


class View:
    """Redis with the current customers, also by the ids joined to theirs."""

    def __init__(self, *people: Customer, joined: Mapping[str, str] | None = None) -> None:
        self.people = {one.id: one for one in people}
        self.joined = joined or {}

    async def customer(self, id: str) -> Looked | None:
        found = self.people.get(self.joined.get(id, id))
        return None if found is None else Looked(0, found, b"")


def index_of(*people: Customer) -> AddressIndex:
    made = AddressIndex()
    for one in people:
        made.add(one)
    made.settle()
    return made


ANN = customer("ann", email="Ann@Shop.example", phone="+49 30 123-456")
BOB = customer("bob", email="b\u00f6b@shop.example")
CY = customer("顾客-3", phone="030/98765")
PEOPLE = (customer("nobody"), ANN, customer("gone", email=None), BOB, CY, customer("two", email="ann@shop.example"))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("ann@shop.example", ["ann", "two"]),
        ("  ANN@SHOP.EXAMPLE ", ["ann", "two"]),
        ("+4930123456", ["ann"]),
        ("+49 (30) 12 34 56", ["ann"]),
        ("bo\u0308b@shop.example", ["bob"]),
        ("03098765", ["顾客-3"]),
        ("4930123456", []),
        ("ann@shop", []),
        ("ann", []),
        ("@", []),
        ("12345", []),
        ("\ud800@x.example", []),
    ],
)
def test_a_whole_address_finds_its_customers(text: str, ids: list[str]) -> None:
    view: Any = View(*PEOPLE)
    assert asyncio.run(Addressed(lambda: index_of(*PEOPLE), view).find(text)) == ids


def test_an_address_that_was_erased_or_changed_finds_nobody() -> None:
    index = index_of(*PEOPLE)
    view: Any = View(customer("ann", email="new@shop.example"), customer("bob"))
    for text in ("ann@shop.example", "+4930123456", "b\u00f6b@shop.example", "03098765", "new@shop.example"):
        assert asyncio.run(Addressed(lambda: index, view).find(text)) == []
    assert asyncio.run(Addressed(lambda: None, view).find("ann@shop.example")) == []


def test_an_id_that_was_joined_since_leads_to_its_customer_once() -> None:
    view: Any = View(customer("bob", email="ann@shop.example"), joined={"ann": "bob", "two": "bob"})
    assert asyncio.run(Addressed(lambda: index_of(*PEOPLE), view).find("ann@shop.example")) == ["bob"]


def test_the_index_holds_no_address() -> None:
    held = pickle.dumps(index_of(*PEOPLE).__dict__)
    assert b"ann" in held and not any(part in held.lower() for part in (b"shop.example", b"123456", b"98765"))


def test_an_address_of_many_finds_some() -> None:
    people = [customer(f"c{number}", email="office@shop.example") for number in range(3 * MOST)]
    view: Any = View(*people)
    assert len(asyncio.run(Addressed(lambda: index_of(*people), view).find("office@shop.example"))) == MOST
    assert index_of().ids("office@shop.example") == []


def test_a_write_key_finds_nobody() -> None:
    assert {one.permission for one in ENDPOINTS if one.id == "customers"} == {"read"}
