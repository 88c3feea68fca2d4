"""Test fields of a draft as a user may type them, or a program may send them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.rules.draft import Comparison, Draft, Row
from models.rules.draft_writing import checked

RULES = Draft("tea", "rules", (Row("Often", tests=(Comparison("orders", ">=", "2"),)), Row("Rest")))
BANDS = Draft("tea", "bands", (Row("Low"), Row("High", enter="2")), feature="orders")


@pytest.mark.parametrize(
    ("days", "right"), [(" 7 ", True), ("3651", False), ("", False), ("x", False), ("0" * 5000, False)]
)
def test_days_are_a_whole_number(days: str, right: bool) -> None:
    assert [fault.field for fault in checked("", replace(RULES, dwell_days=days), None).faults] == (
        [] if right else ["dwell_days"]
    )


def test_an_empty_exit_is_that_of_entering() -> None:
    low, high = BANDS.rows
    assert checked("", replace(BANDS, rows=(low, replace(high, exit=" "))), None) == checked("", BANDS, None)


def test_a_new_file_begins_with_its_first_segmentation() -> None:
    first = checked("", RULES, None).text
    assert first is not None and first.startswith("[tea]\n")
    second = checked(first, replace(RULES, name="more"), None).text
    assert second is not None and second.startswith(first + "\n[more]\n")
