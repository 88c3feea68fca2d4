"""Test a small shop over a year: a regression of the segments shows here before the full gate (`make evaluate`)."""

from __future__ import annotations

import pytest

from streamer.evaluate.report import to_html, to_json
from streamer.evaluate.suite import Row, run

CUSTOMERS, SEED = 1_500, 11


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return run(["stationary"], [SEED], ["conservative"], CUSTOMERS, "tuned", lambda text: None)


@pytest.fixture(scope="module")
def row(rows: list[Row]) -> Row:
    return rows[0]


def test_segments_agree_with_the_truth_and_hold_still(row: Row) -> None:
    found = row.scores
    assert found.segments == 6
    assert found.ari >= 0.88 and found.ari_settled >= 0.86
    assert found.coverage >= 0.95
    assert found.spurious <= 4.0 and found.away <= 1.5 and found.bounce <= 0.08
    assert found.detected >= 0.74 and found.delay <= 50


def test_they_are_what_batch_would_find_and_names_are_the_same_on_every_panel(row: Row) -> None:
    # A version stays in force until a centroid is a tenth of the way to the next; this costs little inertia.
    assert row.batch_ari_off >= 0.95 and row.inertia_off <= 1.05
    assert row.names >= 0.96


def test_they_hold_far_stiller_than_river_tuned_on_the_same_customers(rows: list[Row]) -> None:
    own, river = rows
    assert river.customers == own.customers == CUSTOMERS
    assert own.calmer == river.scores.spurious / own.scores.spurious
    assert own.calmer >= 15
    assert f"{own.calmer:.1f} x" in to_html(rows, (SEED,))
    assert [one["calmer"] for one in to_json(rows, (SEED,))["rows"]] == [own.calmer, None]


def test_the_report_holds_every_row_and_loads_nothing(row: Row) -> None:
    page = to_html([row], (SEED,))
    assert "conservative" in page and "<svg" in page and "src=" not in page and "href=" not in page
    assert to_json([row], (SEED,))["rows"][0]["ari"] == row.scores.ari
