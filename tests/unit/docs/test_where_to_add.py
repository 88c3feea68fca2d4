"""Test that the page that lists which files a change touches names existing files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "where-to-add.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`((?:schemas|models|streamer|tests|docs|grafana|prometheus)/[\w./-]*)`", PAGE)))

MOST = {
    "An event type": 6,
    "A type of interaction": 3,
    "A feature with a new statistic": 4,
    "A condition": 3,
    "A kind of segmentation": 3,
    "A role": 3,
    "A channel for messages": 3,
}
"""Maximum number of steps of a change."""


def test_the_page_names_places() -> None:
    assert len(PLACES) > 20


@pytest.mark.parametrize("place", PLACES)
def test_every_place_exists(place: str) -> None:
    assert (ROOT / place).exists(), f"docs/where-to-add.md names {place}, which is not there"


@pytest.mark.parametrize(("title", "most"), MOST.items())
def test_a_change_opens_few_files(title: str, most: int) -> None:
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    assert 1 <= len(re.findall(r"^\d+\. ", part, re.MULTILINE)) <= most


def test_the_layout_of_redis_opens_six_files() -> None:
    part = PAGE.split("## The layout of Redis\n")[1]
    assert len(re.findall(r"`streamer/[\w./]+`", part)) <= 6
