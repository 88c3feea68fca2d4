"""Test forms that none of our pages send: reported as a fault, not as an error of the service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.rules.defaults import DEFAULT_TEXT
from models.rules.draft import empty
from models.rules.draft_reading import draft_of
from models.rules.draft_writing import checked


@pytest.mark.parametrize("before", ["gone", "behaviour", "value"])
def test_a_draft_of_what_is_not_there_or_of_another_kind(before: str) -> None:
    found = checked(DEFAULT_TEXT, replace(empty("rules"), name=before), before)
    assert found.text is None and [one.field for one in found.faults] == ["file"]


@pytest.mark.parametrize("days", ["0" * 9 + "9" * 5_000, "9" * 5_000, "0000000003", "²", "-1", ""])
def test_days_of_any_length(days: str) -> None:
    draft = draft_of(DEFAULT_TEXT, "value")
    assert draft is not None
    found = checked(DEFAULT_TEXT, replace(draft, dwell_days=days), "value")
    assert "dwell_days" in [one.field for one in found.faults]
