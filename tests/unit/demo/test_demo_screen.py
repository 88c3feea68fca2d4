"""Test the demo's screen on narrow and wide terminals: nothing is truncated or below the lower edge."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from models.messages import messages
from streamer.adapters.redis_reader import totals
from streamer.demo.demo import Show
from streamer.demo.demo_screen import Screen

SIZES = {
    "behaviour": {
        "loyal": 23_401,
        "browsers": 18_415,
        "bargain_hunters": 15_711,
        "champions": 13_022,
        "big_ticket": 10_666,
        "hibernating": 9_555,
        "new": 87,
    },
    "lifecycle": {"loyal": 37_912, "prospect": 17_499, "champion": 14_688, "at_risk": 10_444, "new": 92, "lost": 4},
    "value": {"low": 51_212, "medium": 25_024, "high": 20_333, "top": 2_888},
}


def change(number: int) -> dict[str, Any]:
    return {
        "changed_at": f"2026-11-27T09:52:{number:02}.123Z",
        "customer_id": f"shop-customer-{number:06}@example.org",
        "segmentation": "lifecycle",
        "from": {"id": "hibernating", "name": "Hibernating"},
        "to": {"id": "at_risk", "name": "At risk"},
        "cause": "event",
        "reasons": [{"feature": "lateness", "before": 4.0, "after": 2.1, "border": 3.6, "share": None}],
    }


def drawn(width: int, height: int, language: str) -> list[str]:
    show = Show(phase="live", day=180, changes=12_345)
    show.now = replace(totals([]), consumed=1_234_567, customers=99_455, segments=SIZES)
    show.latest.extend(change(number) for number in range(12))
    for number in range(600):
        show.latency.appended(0, number, 100.0)
        show.latency.in_hand(0, number, 100.04)
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as seen:
        console.print(Screen(show, messages(language)))
    return seen.get().splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (120, 40), (200, 50)])
def test_no_name_count_or_customer_is_cut(width: int, height: int, language: str) -> None:
    lines = drawn(width, height, language)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) < height
    text = re.sub(r"[\s\u00a0]", "", "".join(lines))
    texts = messages(language)
    for segmentation, sizes in SIZES.items():
        for segment, count in sizes.items():
            name = texts.of_id(segmentation, segment).replace(" ", "")
            assert f"{name}{count:,}" in text
    assert "shop-customer-000011@example.org" in text
    assert "09:52:11" in text
    assert "…" not in text or width >= 120, "only reasons may be cut"


def test_a_wide_terminal_shows_dates_bars_and_reasons() -> None:
    text = "\n".join(drawn(200, 50, "en"))
    assert "2026-11-27 09:52:11" in text and "█" in text and "lateness 4 -> 2.1 (border 3.6)" in text


def test_the_latest_change_comes_first_and_the_oldest_are_left_out() -> None:
    text = "\n".join(drawn(60, 24, "en"))
    assert text.index("000011@") < text.index("000010@")
    assert "000000@" not in text
