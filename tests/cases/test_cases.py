"""Check that every field case has its expected result (``make cases`` prints them)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from field_cases import CASES, TABLE, Case, run

from models.learning.learner import LearnerConfig
from streamer.core.policy import Policy
from streamer.replay.replay import Replay
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import load_mapping


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.label)
def test_a_field_case_gives_what_it_must(case: Case) -> None:
    seen = run(case)
    assert case.holds(seen), (case.expected(), seen.outcome(), seen.words, seen.rejects)


def test_every_folder_is_a_case() -> None:
    folders = {path.name for path in CASES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    # Separate tests cover these.
    judged_elsewhere = {"subscription-stillness", "re-export-second-refund"}
    assert folders - judged_elsewhere == {case.name for case in TABLE} - judged_elsewhere


def test_numeric_traits_of_a_csv_compare_as_numbers() -> None:
    seen = run(next(case for case in TABLE if case.name == "mailchimp-profiles"))
    assert {id: held["fit"] for id, held in seen.members.items()} == {
        "ada@example.com": "star",
        "bo@example.com": "others",
    }


@pytest.mark.parametrize("weeks", [(1, 2), (2, 1)])
def test_a_refund_so_far_of_an_overlapping_export_replaces_the_one_before(weeks: tuple[int, int]) -> None:
    replay = Replay(replace(Policy(), label_backfill=False), LearnerConfig(), now_ms=1_735_689_600_000)
    for week in weeks:
        replay.run(MappedFile(CASES / "re-export-second-refund" / f"exp-week{week}.csv", load_mapping("shopify")))
    rita = replay.state.cache.get("rita@example.com")
    assert rita is not None and (rita.statistics.spend, rita.statistics.orders) == (4_000, 1)
    assert not replay.state.ledger.dead_letters
