"""Test pictures of the boards: well-formed, complete, and true to the answers."""

from __future__ import annotations

import doctest
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from grafana import draw
from grafana.board import Board
from grafana.build import DASHBOARDS, boards, dashboard
from grafana.draw import Series

SVG = "{http://www.w3.org/2000/svg}"
RISING = Series("a < b", [(0.0, 0.0), (10.0, 50.0), (20.0, 100.0)])
FLAT = Series("flat", [(0.0, 100.0), (10.0, 100.0), (20.0, 100.0)])


def drawn(kind: str, *series: Series, stacked: bool = False, unit: str = "short") -> ElementTree.Element:
    panel: dict[str, Any] = {
        "type": kind,
        "title": "T & t",
        "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": {"stacking": {"mode": "normal" if stacked else "none"}}},
        },
    }
    return ElementTree.fromstring(draw.board("Board", [panel], [series]))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def heights(root: ElementTree.Element) -> list[list[float]]:
    """Return vertical positions of each line; smaller is higher."""
    return [
        [float(pair.split(",")[1]) for pair in line.attrib["points"].split()] for line in root.iter(f"{SVG}polyline")
    ]


def test_examples_hold() -> None:
    assert doctest.testmod(draw).failed == 0


def test_a_line_rises_with_its_values_up_to_the_top_of_its_scale() -> None:
    root = drawn("timeseries", RISING)
    (line,) = heights(root)
    assert line[0] > line[1] > line[2] and line[0] - line[1] == pytest.approx(line[1] - line[2], abs=0.2)
    assert {"T & t", "a < b", "0", "100"} <= set(texts(root))


def test_stacked_series_lie_upon_each_other() -> None:
    (lower, upper) = heights(drawn("timeseries", RISING, FLAT, stacked=True))
    assert all(above < below for above, below in zip(upper, lower, strict=False))


def test_bars_are_ordered_and_as_long_as_their_values() -> None:
    root = drawn("bargauge", Series("small", [(0.0, 1.0)]), Series("large", [(0.0, 4.0)]))
    bars = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect")][2:]
    assert bars == [pytest.approx(4 * bars[1], rel=0.01), bars[1]]
    assert [text for text in texts(root) if text in ("small", "large")] == ["large", "small"]


def test_no_answer_is_drawn_as_no_data() -> None:
    assert "no data" in texts(drawn("stat"))
    assert heights(drawn("timeseries")) == []


@pytest.mark.parametrize(("path", "board"), boards().items(), ids=lambda value: getattr(value, "stem", ""))
def test_every_panel_of_a_board_is_in_its_picture(path: Path, board: Board) -> None:
    panels = dashboard(board)["panels"]
    root = ElementTree.fromstring(draw.board(board.title, panels, [[RISING, FLAT]] * len(panels)))
    assert {panel["title"] for panel in panels} <= set(texts(root))


def test_the_kept_pictures_show_the_boards_as_they_are() -> None:
    for path, board in boards().items():
        picture = DASHBOARDS.parents[1] / "docs" / "pictures" / f"{path.stem}.svg"
        root = ElementTree.parse(picture).getroot()
        titles = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "title"]
        assert titles == [panel.title for panel in board.panels], "run: make pictures"
        assert not re.search(r"/(home|root|tmp|work)/", picture.read_text())
