"""The board Segments: sizes of segments, moves into and out of them, and their stability."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, bars, stat
from grafana.queries import JOB, ONE, SEGMENTATION, by_segment, named

_SIZES: Final = f"sum by (segment) (streamer_segment_customers{{{ONE}}})"
_ALL: Final = f"sum(streamer_segment_customers{{{ONE}}})"
_MOVES: Final = f"increase(streamer_segment_moves_total{{{ONE}}}[$__range])"
_CHANGES: Final = f"increase(streamer_segment_changes_total{{{ONE}}}[$__range])"

SEGMENTS: Final = Board(
    uid="streamer-segments",
    title="Segments",
    description="How large segments are, who comes and goes, and whether they hold still.",
    since="now-7d",
    variables=(SEGMENTATION,),
    panels=(
        stat(
            "Customers",
            "Customers in any segment of the chosen segmentation.",
            _ALL,
            "customers",
            width=6,
        ),
        stat(
            "Segments",
            "Segments with at least one customer.",
            f"count({_SIZES} > 0)",
            "segments",
            width=6,
            runbook="SegmentCollapse",
        ),
        stat(
            "Moves",
            "Changes of segment within the time shown, first segments included.",
            f"round(sum({_CHANGES}))",
            "moves",
            width=6,
            runbook="MoveStorm",
        ),
        stat(
            "Moves by time",
            "The share of moves that time alone made within the time shown: customers who fell silent.",
            f'sum(increase(streamer_segment_changes_total{{{ONE}, cause="time"}}[$__range])) / sum({_CHANGES})',
            "by time",
            width=6,
            unit="percentunit",
        ),
        Panel(
            "Share of each segment",
            "The share of customers in each segment over time.",
            "percentunit",
            (Query(named(f"{_SIZES} / scalar({_ALL})"), "{{name}}"),),
            width=16,
            height=9,
            stacked=True,
            runbook="SegmentSizeJump",
        ),
        bars(
            "Gained and lost",
            "By how many customers each segment grew or shrank within the time shown.",
            f"sort_desc({named(f'round(sum by (segment) (delta(streamer_segment_customers{{{ONE}}}[$__range])))')})",
            "{{name}}",
            width=8,
            height=9,
            runbook="SegmentSizeJump",
        ),
        bars(
            "Came in",
            "Customers who entered each segment within the time shown, most first.",
            f"sort_desc(round({by_segment(_MOVES, 'to_segment')}))",
            "{{name}}",
            width=8,
            height=9,
        ),
        bars(
            "Went out",
            "Customers who left each segment within the time shown, most first; none had no segment before.",
            f"sort_desc(round({by_segment(_MOVES, 'from_segment')}))",
            "{{name}}",
            width=8,
            height=9,
        ),
        bars(
            "Causes",
            "What made customers move within the time shown. Events and time are safe for automation; imports (backfill), "
            "new models (refit) and new definitions are not.",
            f"sort_desc(round(sum by (cause) ({_CHANGES})))",
            "{{cause}}",
            width=8,
            height=9,
            runbook="MoveStorm",
        ),
        Panel(
            "Turnover",
            "Changes a day for every hundred customers. A steady line is a shop whose segments hold still.",
            "short",
            (
                Query(
                    f"86400 * 100 * sum(rate(streamer_segment_changes_total{{{ONE}}}[$__rate_interval])) / {_ALL}",
                    "changes a day, of 100 customers",
                ),
            ),
            runbook="MoveStorm",
        ),
        Panel(
            "Undone moves of clusters",
            "The share of moves between behaviour clusters that were undone within 30 days, among the panel of the model owner.",
            "percentunit",
            (Query(f"max(streamer_panel_bounce_ratio{{{JOB}}})", "undone"),),
            runbook="BounceHigh",
        ),
    ),
)
