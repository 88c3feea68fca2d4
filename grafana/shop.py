"""The board Shop: the customers, their moves, and the reasons."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, bars, stat
from grafana.queries import JOB, ONE, SEGMENTATION, between_names, by_segment, named, rate

_MOVES_AN_HOUR: Final = f"3600 * rate(streamer_segment_moves_total{{{ONE}}}[$__rate_interval])"

SHOP: Final = Board(
    uid="streamer-shop",
    title="Shop",
    description="Who the customers are, where they move, and why.",
    since="now-7d",
    variables=(SEGMENTATION,),
    panels=(
        stat(
            "Customers",
            "Customers known to the service.",
            f"sum(streamer_customers_tracked{{{JOB}}})",
            "customers",
            width=6,
        ),
        stat(
            "Orders",
            "Orders completed within the time shown.",
            f"round(sum(increase(streamer_orders_total{{{JOB}}}[$__range])))",
            "orders",
            width=6,
        ),
        stat(
            "Net revenue",
            "Orders less refunds and cancellations, from the first event on, in the shop's currency.",
            f"sum by (currency) (streamer_net_revenue{{{JOB}}})",
            "{{currency}}",
            width=6,
        ),
        stat(
            "Moves",
            "Changes of the chosen segmentation within the time shown, first segments included.",
            f"round(sum(increase(streamer_segment_changes_total{{{ONE}}}[$__range])))",
            "moves",
            width=6,
            runbook="MoveStorm",
        ),
        Panel(
            "Customers by segment",
            "How many customers are in each segment of the chosen segmentation.",
            "short",
            (Query(named(f"sum by (segment) (streamer_segment_customers{{{ONE}}})"), "{{name}}"),),
            width=16,
            height=9,
            stacked=True,
            runbook="SegmentSizeJump",
        ),
        bars(
            "Shares now",
            "The share of customers in each segment at this moment.",
            "sort_desc("
            + named(
                f"sum by (segment) (streamer_segment_customers{{{ONE}}}) "
                f"/ scalar(sum(streamer_segment_customers{{{ONE}}}))"
            )
            + ")",
            "{{name}}",
            unit="percentunit",
            width=8,
            height=9,
            runbook="SegmentCollapse",
        ),
        Panel(
            "Who moved where",
            "Moves from segment to segment within the time shown, the most frequent first; none stands for no segment.",
            "short",
            (
                Query(
                    "sort_desc(round("
                    + between_names(f"increase(streamer_segment_moves_total{{{ONE}}}[$__range])")
                    + ") > 0)",
                    "{{from_name}} → {{to_name}}",
                ),
            ),
            kind="table",
            columns={"from_name": "from", "to_name": "to", "Value": "customers"},
            width=8,
            height=9,
            runbook="MoveStorm",
        ),
        Panel(
            "Moves by cause",
            "What made customers move: an event, time that passed, a late event, an import (backfill), a new model.",
            "cpm",
            (Query(rate("segment_changes_total", "cause", ONE, per_minute=True), "{{cause}}"),),
            width=16,
            height=9,
            stacked=True,
            runbook="MoveStorm",
        ),
        Panel(
            "Into each segment",
            "Customers who entered a segment, an hour.",
            "short",
            (Query(by_segment(_MOVES_AN_HOUR, "to_segment"), "{{name}}"),),
        ),
        Panel(
            "Out of each segment",
            "Customers who left a segment, an hour; none are those who had no segment before.",
            "short",
            (Query(by_segment(_MOVES_AN_HOUR, "from_segment"), "{{name}}"),),
        ),
        Panel(
            "Revenue of the last hour",
            "Orders less refunds and cancellations booked within the hour before, in the shop's currency.",
            "short",
            (Query(f"sum by (currency) (delta(streamer_net_revenue{{{JOB}}}[1h]))", "{{currency}}"),),
        ),
        Panel(
            "Orders and reversals",
            "Completed orders, and refunds and cancellations, a minute.",
            "cpm",
            (
                Query(rate("orders_total", per_minute=True), "orders"),
                Query(rate("reversals_total", per_minute=True), "reversals"),
            ),
        ),
    ),
)
