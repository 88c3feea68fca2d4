"""The panel: memories of the customers that the model owner learns from, day by day.

A row says what its customer did on the day that is still open, and each row replaces the one before: so every customer
to whom something happened gets a row before the next daily step, however many days of an import one transaction holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.behaviour.panel import PanelRow, panel_rank, shift_for
from models.customer.customer import Customer
from streamer.core.context import Context
from streamer.core.forecasts import packed_orders

_SLACK = 1.25
"""How much more than its share of the customers a lane may hold without the panel becoming thinner than the owner
has it: that counts all lanes together (``Look.customers``), and must not miss the rows of anybody."""


def leave(context: Context, id: str) -> None:
    """Let the model owner forget a customer."""
    context.decision.panel.append(PanelRow(id, 0, b""))


def report_active(context: Context) -> None:
    """Add rows for the customers that did something since the last control record."""
    report(context, context.active.values())
    context.reported |= context.active.keys()
    context.active.clear()


def report_touched(context: Context) -> None:
    """Add rows for the customers that time alone touched."""
    touched = context.decision.touched.items()
    report(context, (customer for id, customer in touched if id not in context.reported))


def report(context: Context, customers: Iterable[Customer]) -> None:
    """Add a row for each of the given customers who is in the panel: one in 2**shift."""
    decision, memory, policy = context.decision, context.cache.memory, context.policy
    decision.thin_panel(shift_for(int(context.ledger.customers * policy.lanes / _SLACK), policy.panel_target))
    for customer in customers:
        if customer.panel_rank < 0:
            customer.panel_rank = panel_rank(customer.id)
        # Most are not in the panel, so this comes first.
        if customer.panel_rank >= decision.panel_shift and customer.is_segmentable:
            row, orders = customer.row, packed_orders(customer, context.grid)
            decision.panel.append(PanelRow(customer.id, memory.day_of(row), memory.dump(row), orders))
