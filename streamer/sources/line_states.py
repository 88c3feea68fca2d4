"""Find states that belong to an order's lines, not to the whole order: they differ between its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamer.sources.order_states import States


def of_lines(states: States, rows: Sequence[Mapping[str, str]], order: str) -> tuple[States, list[str]]:
    """Return the states of a file whose rows are order lines, and the columns that separate an order's lines by state.

    A mapping's condition looks at an order's first row. Where an order's rows differ in a state, grouping by this
    column excludes only the cancelled and returned lines. The rest of the order must be in one state, or it would
    become several orders; columns where it is not, and columns with empty cells, are not used.

    Parameters
    ----------
    order
        The column with the order id, which several rows share.
    """
    void, returned, apart = dict(states.void), dict(states.returned), list[str]()
    for column in dict.fromkeys([*void, *returned]):
        gone = {*void.get(column, ()), *returned.get(column, ())}
        orders: dict[str, set[str]] = {}
        for row in rows:
            orders.setdefault(row.get(order, ""), set()).add(row.get(column, "").strip())
        differs = any(len(texts) > 1 for texts in orders.values())
        if differs and all("" not in texts and len(texts - gone) <= 1 for texts in orders.values()):
            void[column] = (*void.get(column, ()), *returned.pop(column, ()))
            apart.append(column)
    return replace(states, void=void, returned=returned), apart
