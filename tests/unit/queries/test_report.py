"""Test reports without servers: their days, whom they count, and pages on which names are text."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.features.time import DAY_MS, DayGrid
from models.messages import messages
from models.rules.cards import Census, Group
from models.rules.defaults import DEFAULTS
from streamer.adapters.redis_reader import totals
from streamer.queries.history import Journey
from streamer.queries.report import Division, Log, Moved, Report, Shop, report
from streamer.queries.report_page import page
from streamer.queries.sales import Sales

HOSTILE = '<script>alert(1)</script></svg>"&\u202e'
SEGMENTS = ("new", "active", "loyal")


def move(customer: str, day: int, before: str, after: str) -> Moved:
    return Moved(customer, "lifecycle", before, after, "event", day * DAY_MS)


def shop(sizes: dict[str, int], day: int) -> Shop:
    held = replace(totals([]), segments={"lifecycle": sizes}, customers=sum(sizes.values()))
    return Shop(held, DEFAULTS, None, Census(Group(), {}), day * DAY_MS, "EUR", Sales(DayGrid()))


def lifecycle(found: Report) -> Division:
    return next(one for one in found.divisions if one.name == "lifecycle")


def test_a_journey_is_from_the_first_day_to_the_last() -> None:
    log = Log(DayGrid(), 10, 20)
    for one in (
        move("a", 3, "", "new"),
        move("a", 12, "new", "active"),
        move("a", 15, "active", "loyal"),
        move("b", 11, "", "new"),
        move("c", 9, "", "new"),
        move("a", 25, "loyal", "active"),
    ):
        log.add(one)
    assert log.period(30) == (10, 20)
    assert log.journeys("lifecycle", 10) == [Journey("", "new", 1), Journey("new", "loyal", 1)]
    found = lifecycle(report(shop({"new": 2, "active": 1}, 30), log, messages()))
    rows = {row["id"]: (row["before"], row["customers"]) for row in found.rows}
    assert (rows["new"], rows["active"], rows["loyal"]) == ((2, 2), (0, 0), (0, 1))
    assert found.causes == {"event": 3}
    assert ("new", "loyal", 1) in found.flows and ("new", "new", 1) in found.flows


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.sampled_from(SEGMENTS)), max_size=40))
def test_a_window_gives_what_its_days_give(drawn: list[tuple[int, int, str]]) -> None:
    held: dict[int, str] = {}
    moves = []
    for customer, day, after in sorted(drawn, key=lambda one: one[1]):
        if held.get(customer) != after:
            moves.append(move(f"c{customer}", day, held.get(customer, ""), after))
            held[customer] = after
    last = max((one.at // DAY_MS for one in moves), default=0)
    window = Log(DayGrid(), window=30)
    for one in moves:
        window.add(one)
    first, end = window.period(last)
    known = Log(DayGrid(), first, end)
    for one in moves:
        known.add(one)
    sizes = {segment: sum(now == segment for now in held.values()) for segment in SEGMENTS}
    found, same = (report(shop(sizes, last), log, messages()) for log in (window, known))
    assert found.to_dict() == same.to_dict()
    assert end - first < 30
    rows = {row["id"]: row for row in lifecycle(found).rows}
    arrived = {id: sum(n for _, to, n in lifecycle(found).flows if to == id) for id in SEGMENTS}
    assert {id: rows[id]["customers"] for id in SEGMENTS} == arrived == sizes


def test_names_are_text_on_the_page() -> None:
    log = Log(DayGrid(), 1, 3)
    for day in (1, 2):
        log.add(move(f"a{day}", day, "", HOSTILE))
    found = report(shop({"loyal": 5}, 3), log, messages())
    rows = [{**row, "name": HOSTILE} for row in lifecycle(found).rows]
    found = replace(found, divisions=[replace(lifecycle(found), rows=rows)])
    for language in ("en", "zh"):
        text = page(found, messages(language), f"streamer report {HOSTILE}")
        assert "<script" not in text and "\u202e" not in text and "&lt;script&gt;" in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
