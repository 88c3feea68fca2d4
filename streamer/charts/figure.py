"""A chart as markup: the drawing in two widths, and its values as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDE: Final = 640.0
NARROW: Final = 320.0
"""Width of the narrow drawing, for phones, px; the wide one fits a page column."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The content of an SVG, and its height in px."""

    body: str
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart.

    Attributes
    ----------
    title, description
        The title, and a sentence that describes the chart for screen readers.
    wide, narrow
        The drawings.
    head, rows
        The headings and rows of the table, as texts; each row begins with its name.
    """

    title: str
    description: str
    wide: Drawing
    narrow: Drawing
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self, as_table: str = "as a table") -> str:
        """Return the ``<figure>``; ``as_table`` is the label that opens the table, in the reader's language."""
        return (
            f'<figure class="chart"><figcaption>{escape(self.title)}</figcaption>'
            + self.svg("wide", self.wide, WIDE)
            + self.svg("narrow", self.narrow, NARROW)
            + f"<details><summary>{escape(as_table)}</summary>"
            f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(self.title)}">{self._table()}</div>'
            "</details></figure>"
        )

    def svg(self, name: str, drawing: Drawing, width: float) -> str:
        """Return one drawing as SVG, also for mails and files."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="img" width="{width:g}" '
            f'height="{drawing.height:.0f}" viewBox="0 0 {width:g} {drawing.height:.0f}"><title>{escape(self.title)}</title>'
            f"<desc>{escape(self.description)}</desc>{drawing.body}</svg>"
        )

    def _table(self) -> str:
        head = "".join(f"<th>{escape(one)}</th>" for one in self.head)
        rows = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(one)}</td>" for one in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def drawn(
    title: str,
    description: str,
    draw: Callable[[float], Drawing],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    """Create a chart with a function that draws it in any width."""
    return Chart(title, description, draw(WIDE), draw(NARROW), head, rows)


def rect(x: float, y: float, width: float, height: float, colour: int, kind: str = "") -> str:
    """Draw a rectangle in one of the eight colours."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" '
        f'class="{f"{kind} " if kind else ""}c{colour}"/>'
    )


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "rule") -> str:
    """Draw a straight line."""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" class="{kind}"/>'
