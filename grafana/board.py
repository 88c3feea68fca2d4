"""The parts of a board: queries, panels, variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a board.

    Attributes
    ----------
    unit
        Grafana's name of the unit, such as ``s``, ``short`` or ``percentunit``.
    width, height
        Size in Grafana's grid, which is 24 wide.
    stacked
        Whether the series of a ``timeseries`` are stacked.
    zero_is_good
        Whether a ``stat`` is green at 0 and red above.
    runbook
        Alert whose runbook page is linked.
    columns
        Column titles of a ``table`` by label; ``Value`` is the number.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    stacked: bool = False
    zero_is_good: bool = False
    runbook: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def stat(
    title: str,
    description: str,
    expr: str,
    legend: str,
    *,
    width: int,
    unit: str = "short",
    zero_is_good: bool = False,
    runbook: str | None = None,
) -> Panel:
    """Return a panel with one number, for the top row of a board."""
    return Panel(
        title,
        description,
        unit,
        (Query(expr, legend),),
        kind="stat",
        width=width,
        height=4,
        zero_is_good=zero_is_good,
        runbook=runbook,
    )


def bars(
    title: str,
    description: str,
    expr: str,
    legend: str,
    *,
    unit: str = "short",
    width: int = 12,
    height: int = 8,
    runbook: str | None = None,
) -> Panel:
    """Return a panel with one query at the current moment, with a bar for each series."""
    return Panel(
        title, description, unit, (Query(expr, legend),), kind="bargauge", width=width, height=height, runbook=runbook
    )


@dataclass(frozen=True, slots=True)
class Variable:
    """A dashboard variable with the values of a metric's label."""

    name: str
    label: str
    query: str
    default: str


@dataclass(frozen=True, slots=True)
class Board:
    """A board. ``uid`` is part of its address and never changes; ``since`` is the start of the time range shown."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()
    since: str = "now-30m"
