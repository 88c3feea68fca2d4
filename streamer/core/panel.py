"""The panel: behaviour memories of the customers that the model owner learns from, day by day.

A row holds a customer's activity on the current day, and each row replaces the previous one. So every active customer
gets a row before the next daily step, no matter how many days of an import one transaction spans.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.behaviour.panel import PanelRow, panel_rank, shift_for
from models.customer.customer import Customer
from streamer.core.context import Context
from streamer.core.forecasts import packed_orders

_SLACK = 1.25
"""Factor by which a lane may exceed its share of customers before it thins the panel.

The owner computes the sampling rate over all lanes (``ImportNotice.customers``), and no lane may drop rows that the
owner still expects.
"""


def leave(context: Context, id: str) -> None:
    """Tell the model owner to forget a customer."""
    context.decision.panel.append(PanelRow(id, 0, b""))


def report_active(context: Context) -> None:
    """Add rows for the customers with activity since the last control record."""
    report(context, context.active.values())
    context.reported |= context.active.keys()
    context.active.clear()


def report_touched(context: Context) -> None:
    """Add rows for the customers that only time touched."""
    touched = context.decision.touched.items()
    report(context, (customer for id, customer in touched if id not in context.reported))


def report(context: Context, customers: Iterable[Customer]) -> None:
    """Add a row for each given customer in the panel: one in 2**shift."""
    decision, memory, policy = context.decision, context.cache.memory, context.policy
    decision.thin_panel(shift_for(int(context.ledger.customers * policy.lanes / _SLACK), policy.panel_target))
    for customer in customers:
        if customer.panel_rank < 0:
            customer.panel_rank = panel_rank(customer.id)
        # Most customers are not in the panel, so this check comes first.
        if customer.panel_rank >= decision.panel_shift and customer.is_segmentable:
            row, orders = customer.row, packed_orders(customer, context.grid)
            decision.panel.append(PanelRow(customer.id, memory.day_of(row), memory.dump(row), orders))
