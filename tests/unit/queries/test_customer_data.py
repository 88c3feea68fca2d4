"""Test the export of a customer's state; `tests/integration/test_persons.py` tests reading it from a real Redis."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from heart_logs import T0

from models.customer import snapshot
from models.customer.customer import Customer
from models.customer.statistics import CHECKOUT, Statistics
from models.features.context import FeatureContext
from streamer.client.connections import Connections
from streamer.queries.customer_data import state_of


def test_every_statistic_is_exported() -> None:
    """A statistic that is stored but not exported would be hidden from the person whom it describes."""
    ann = Customer("ann", (0, 0), T0)
    ann.interact(CHECKOUT, "tea", T0, FeatureContext().half_life)
    parts = snapshot.dump(ann, b"")
    to = cast(Connections, SimpleNamespace(view=SimpleNamespace(parts={"ann": parts}.get)))
    state = state_of(to, "ann")
    assert state is not None
    assert state.keys() >= {*Statistics.__struct_fields__}
    assert state["last_checkout"] == T0 and state["interactions"]["checkout.started"] == 1
