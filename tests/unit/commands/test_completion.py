"""Test shell completion: segments without any server, and silence where a server is missing."""

from __future__ import annotations

from command_line import Run

from streamer.commands.completion import customer_ids, segment_ids


def test_segments_of_the_built_in_segmentations_are_known_without_a_server(run: Run) -> None:
    assert segment_ids("at_") == ["at_risk"]
    assert {"champion", "new", "low"} <= set(segment_ids(""))


def test_without_a_server_no_customer_is_offered(run: Run) -> None:
    assert customer_ids("1") == []


def test_the_shell_is_offered_them(run: Run) -> None:
    offered = run(
        env={
            "_STREAMER_COMPLETE": "complete_bash",
            "_ROOT_COMPLETE": "complete_bash",
            "COMP_WORDS": "streamer segments show at_",
            "COMP_CWORD": "3",
        }
    )
    assert "at_risk" in offered.output
