"""The board Quality: problems in arriving events, and how they were handled."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, bars, stat
from grafana.queries import JOB, rate

_CONSUMED: Final = f"sum(increase(streamer_records_consumed_total{{{JOB}}}[$__range]))"


def _share(metric: str) -> str:
    return f"sum(increase(streamer_{metric}{{{JOB}}}[$__range])) / {_CONSUMED}"


QUALITY: Final = Board(
    uid="streamer-quality",
    title="Quality",
    description="What is wrong with the events that arrive, and what became of it.",
    since="now-7d",
    panels=(
        stat(
            "Rejected",
            "The share of records that became dead letters within the time shown.",
            _share("dead_letters_total"),
            "rejected",
            width=6,
            unit="percentunit",
            runbook="RejectRatioHigh",
        ),
        stat(
            "Repeats",
            "The share of records that were dropped because they had been applied before.",
            _share("events_duplicate_total"),
            "repeats",
            width=6,
            unit="percentunit",
        ),
        stat(
            "Late",
            "The share of records that were older than the latest of their customer.",
            _share("events_late_total"),
            "late",
            width=6,
            unit="percentunit",
        ),
        stat(
            "Rerouted",
            "The share of records that their producer put into another lane than their key says.",
            _share("records_rerouted_total"),
            "rerouted",
            width=6,
            unit="percentunit",
        ),
        Panel(
            "Rejected by reason",
            "Dead letters an hour: `streamer deadletters list` shows them.",
            "short",
            (Query(f"3600 * {rate('dead_letters_total', 'reason')}", "{{reason}}"),),
            stacked=True,
            runbook="DeadLettersGrowing",
        ),
        bars(
            "Reasons",
            "Dead letters within the time shown, by reason, most first.",
            f"sort_desc(round(sum by (reason) (increase(streamer_dead_letters_total{{{JOB}}}[$__range]))) > 0)",
            "{{reason}}",
            runbook="DeadLettersGrowing",
        ),
        Panel(
            "Fields left out",
            "Fields of applied events that were left out or taken for granted since they broke the contract, an hour.",
            "short",
            (Query(f"3600 * {rate('fields_ignored_total', 'field')}", "{{field}}"),),
            stacked=True,
        ),
        Panel(
            "Events by type",
            "Valid events by type, an hour: a type that stops is a broken producer.",
            "short",
            (Query(f"3600 * {rate('events_received_total', 'type')}", "{{type}}"),),
            stacked=True,
            runbook="NoEvents",
        ),
        Panel(
            "Clock",
            "How far the clock of each worker's machine is from the broker's; positive if ahead.",
            "s",
            (Query(f"streamer_clock_skew_seconds{{{JOB}}}", "{{instance}}"),),
            runbook="ClockJump",
        ),
        bars(
            "Control records",
            "Merges, imports, definitions and models taken within the time shown.",
            f"sort_desc(round(sum by (type) (increase(streamer_control_records_total{{{JOB}}}[$__range]))))",
            "{{type}}",
        ),
    ),
)
