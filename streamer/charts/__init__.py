"""Charts as SVG, drawn by Python: pure functions from values to markup, shared by every page.

A drawing function (``bars``, ``cohorts``, ``columns``, ``lines``, ``shares``, ``spells``, ``flows``, ``intervals``)
takes values and texts that are already formatted and translated, and returns a ``Chart``. ``Chart.html`` is a
``<figure>`` with the drawing in two widths (the style shows the one that fits) and the values as a table. Markup has
classes only, no ``style`` attributes and no script, so that a strict Content-Security-Policy holds; ``theme.STYLE`` is
the only stylesheet.

All texts are escaped here. Labels are never cut, shrunk or overlapping: ``labels`` measures, breaks and spreads them.
"""

from streamer.charts.bars import Bar, bars
from streamer.charts.cohorts import Row, cohorts
from streamer.charts.columns import columns
from streamer.charts.figure import Chart
from streamer.charts.flows import Flow, flows
from streamer.charts.intervals import Span, intervals
from streamer.charts.lines import lines
from streamer.charts.series import Series
from streamer.charts.shares import Share, shares
from streamer.charts.spells import Mark, Scale, Spell, Track, spells
from streamer.charts.theme import STYLE, Palette

__all__ = [
    "STYLE",
    "Bar",
    "Chart",
    "Flow",
    "Mark",
    "Palette",
    "Row",
    "Scale",
    "Series",
    "Share",
    "Span",
    "Spell",
    "Track",
    "bars",
    "cohorts",
    "columns",
    "flows",
    "intervals",
    "lines",
    "shares",
    "spells",
]
