"""Test charts: labels stay apart and inside, colours are stable, texts are escaped, and the figures are in a table."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from chart_gallery import LONG, gallery, page
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.charts import Chart, Mark, Palette, Scale, Spell, Track, spells
from streamer.charts.figure import NARROW, WIDE, Drawing
from streamer.charts.labels import SIZE, broken, spread, width
from streamer.charts.theme import DARK, FIXED, LIGHT

NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=60)


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str


def boxes(drawing: Drawing) -> list[Box]:
    """Return where the texts of a drawing are, by the assumed widths."""
    found = []
    for node in ElementTree.fromstring(f"<svg>{drawing.body}</svg>").iter("text"):
        text, x, y = node.text or "", float(node.get("x", 0)), float(node.get("y", 0))
        wide = width(text)
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[node.get("text-anchor", "start")]
        found.append(Box(left, y - SIZE * 0.75, left + wide, y + SIZE * 0.15, text))
    return found


def holds(chart: Chart) -> None:
    for drawing, room in ((chart.wide, WIDE), (chart.narrow, NARROW)):
        found = boxes(drawing)
        for one in found:
            assert one.left >= -1 and one.right <= room + 1, (chart.title, one)
            assert one.top >= -2 and one.bottom <= drawing.height + 2, (chart.title, one, drawing.height)
        for at, one in enumerate(found):
            for other in found[at + 1 :]:
                beside = one.right <= other.left + 0.5 or other.right <= one.left + 0.5
                apart = one.bottom <= other.top + 0.5 or other.bottom <= one.top + 0.5
                assert beside or apart, (chart.title, room, one, other)


@pytest.mark.parametrize("chart", gallery(), ids=lambda chart: chart.title)
def test_no_label_is_cut_or_lies_over_another(chart: Chart) -> None:
    holds(chart)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=7, max_size=7, unique=True))
def test_labels_keep_apart_whatever_the_names_are(names: list[str]) -> None:
    for chart in gallery([name.strip() or f"n{at}" for at, name in enumerate(names)]):
        holds(chart)


def test_every_letter_of_a_long_name_is_drawn() -> None:
    for room in (40.0, 90.0, 300.0):
        lines = broken(LONG, room)
        assert "".join(lines).replace(" ", "") == LONG.replace(" ", "")
        assert all(width(line) <= room for line in lines)


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(5, 40)), min_size=1, max_size=20), st.floats(50, 600))
def test_spread_labels_keep_their_order_and_their_distance(places: list[tuple[float, float]], high: float) -> None:
    wanted, sizes = sorted(one for one, _ in places), [size for _, size in places]
    found = spread(wanted, sizes, 0.0, high)
    assert found[0] - sizes[0] / 2 >= -1e-6
    for at in range(len(found) - 1):
        assert found[at] + sizes[at] / 2 <= found[at + 1] - sizes[at + 1] / 2 + 1e-6
    if sum(sizes) <= high:
        assert found[-1] + sizes[-1] / 2 <= high + 1e-6


def test_a_segment_has_one_colour_everywhere() -> None:
    one, other = Palette(["loyal", "gold", "zinc"]), Palette(["zinc", "gold", "at_risk", "loyal"])
    assert all(one[name] == other[name] for name in ("loyal", "gold", "zinc"))
    own = Palette([f"own {at}" for at in range(8)])
    assert len({own[f"own {at}"] for at in range(8)}) == 8
    lifecycle = [Palette([])[name] for name in FIXED[:8]]
    assert len(set(lifecycle)) == 8


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_colours_differ_in_lightness(colours: tuple[str, ...]) -> None:
    """People who see no hues, and printers without colour, still see differences: at least 3 steps of L* (CIE 1976)."""
    found = sorted(_lightness(colour) for colour in colours)
    assert all(b - a >= 3 for a, b in pairwise(found)), found


def _lightness(colour: str) -> float:
    parts: list[float] = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 116 * float((0.2126 * red + 0.7152 * green + 0.0722 * blue) ** (1 / 3)) - 16


def test_what_comes_in_is_escaped_and_no_page_needs_a_script() -> None:
    text = page(gallery())
    assert "<script" not in text and "&lt;script&gt;" in text
    assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www\.w3\.org/2000/svg)", text)
    for chart in gallery():
        figure = ElementTree.fromstring(chart.html())
        assert [svg.get("role") for svg in figure.iter("{http://www.w3.org/2000/svg}svg")] == ["img", "img"]
        assert unescape(chart.title) == figure.findtext("figcaption")
        assert len(list(figure.iter("tr"))) == len(chart.rows) + 1


def test_nothing_to_draw_is_an_empty_drawing() -> None:
    from streamer.charts import Series, bars, columns, flows, lines, shares

    empty = (
        bars("a", []),
        columns("b", [], [], shown=str),
        lines("c", [], [Series("x", [], 0)], shown=str),
        shares("d", []),
        flows("e", [], colours=lambda name: 0, shown=str),
    )
    for chart in empty:
        holds(chart)


def story(room_tracks: list[Track], scale: Scale, dots: list[float]) -> ElementTree.Element:
    made = spells("Story", room_tracks, scale, dots=("orders", dots), description="words", head=("a",), rows=[("b",)])
    return ElementTree.fromstring(f"<svg>{made.wide.body}</svg>")


def test_spells_follow_each_other_and_the_future_is_dotted() -> None:
    track = Track(
        "lifecycle", [Spell(0, 50, "New", 1), Spell(50, 100, "Loyal", 3), Spell(100, 120, "At risk", 5, True)]
    )
    scale = Scale(0, 120, Mark(90, "today"), [Mark(30, "2026-01"), Mark(60, "2026-02"), Mark(89, "2026-03")])
    root = story([track], scale, [10, 20])
    boxes = [one for one in root.iter("rect") if "spell" in one.attrib["class"]]
    ends = [(float(one.attrib["x"]), float(one.attrib["x"]) + float(one.attrib["width"]) + 1) for one in boxes]
    assert [end for _, end in ends[:-1]] == pytest.approx([begin for begin, _ in ends[1:]], abs=0.2)
    assert [one.attrib["class"].split()[1:] for one in boxes] == [["c1", "l1"], ["c3", "l3"], ["ahead", "c5", "l5"]]
    assert len(list(root.iter("circle"))) == 2
    # The current label is there, and the one that would overlap it is not.
    found = {one.text for one in root.iter("text")}
    assert {"today", "2026-01", "2026-02", "New", "Loyal"} <= found and "2026-03" not in found


def test_a_spell_before_the_beginning_is_cut_and_a_name_that_does_not_fit_is_left_out() -> None:
    track = Track("lifecycle", [Spell(-50, 1, "A very long name of a segment", 1), Spell(1, 100, "Loyal", 3)])
    root = story([track], Scale(0, 100, Mark(100, "today"), []), [-5])
    assert all(float(one.attrib["x"]) >= 0 for one in root.iter("rect"))
    assert "A very long name of a segment" not in {one.text for one in root.iter("text")}
    assert not list(root.iter("circle"))
