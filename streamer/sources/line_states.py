"""States that belong to the lines of an order: they differ between its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamer.sources.order_states import States


def of_lines(states: States, rows: Sequence[Mapping[str, str]], order: str) -> tuple[States, list[str]]:
    """The states of a file whose rows are lines of orders, and the columns that separate lines of an order by state.

    A condition of a mapping looks at the first row of an order. Where the rows of an order differ in a state, a group
    by this column leaves out cancelled and returned lines alone. The rest of an order must be in one state, because
    it would become several orders otherwise; such columns, and those with empty cells, stay as they are.

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
