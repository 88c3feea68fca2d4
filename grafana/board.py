"""What a board is made of: queries, panels, variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes
    ----------
    unit
        Grafana's name of it, such as ``s``, ``short`` or ``percentunit``.
    width, height
        In Grafana's grid, which is 24 wide.
    stacked
        Whether the series of a ``timeseries`` lie one upon the other.
    zero_is_good
        Whether a ``stat`` is green at 0 and red above.
    runbook
        Alert whose page is linked.
    columns
        Titles of a ``table``'s columns, by labels; ``Value`` is the figure.
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
    """One figure, as the top row of a board shows it."""
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
    """One query at this moment, a bar for each of its series."""
    return Panel(
        title, description, unit, (Query(expr, legend),), kind="bargauge", width=width, height=height, runbook=runbook
    )


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a board that is filled from a metric's label."""

    name: str
    label: str
    query: str
    default: str


@dataclass(frozen=True, slots=True)
class Board:
    """One board; ``uid`` is part of its address and never changes, ``since`` is where the time that it shows begins."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()
    since: str = "now-30m"
