"""What the boards show. ``python -m grafana.build`` makes the files in ``dashboards/`` of it.

Counters of a lane go on wherever the lane runs, so ``sum`` over workers counts every record once.
"""

from __future__ import annotations

from typing import Final

from grafana.build import Board, Panel, Query, Variable

_JOB: Final = 'job="$job"'
_ONE: Final = 'job="$job", segmentation="$segmentation"'


def _rate(metric: str, by: str = "", labels: str = _JOB, per_minute: bool = False) -> str:
    """Sum of rates over all workers and lanes, by a label, a second or a minute."""
    expr = f"sum{f' by ({by})' if by else ''} (rate(streamer_{metric}{{{labels}}}[$__rate_interval]))"
    return f"60 * {expr}" if per_minute else expr


def _quantiles(metric: str) -> tuple[Query, ...]:
    """Median, 95 and 99 of a hundred, over all workers together."""
    rates = f"sum by (le) (rate(streamer_{metric}_bucket{{{_JOB}}}[$__rate_interval]))"
    return tuple(
        Query(f"histogram_quantile({share}, {rates})", name)
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    )


SHOP: Final = Board(
    uid="streamer-shop",
    title="Shop",
    description="Who the customers are, where they move, and why.",
    variables=(
        Variable(
            "segmentation",
            "Segmentation",
            'label_values(streamer_segment_customers{job="$job"}, segmentation)',
            "value",
        ),
    ),
    panels=(
        Panel(
            "Customers",
            "Customers known to the service.",
            "short",
            (Query(f"sum(streamer_customers_tracked{{{_JOB}}})", "customers"),),
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            "Orders",
            "Orders completed within the time shown.",
            "short",
            (Query(f"round(sum(increase(streamer_orders_total{{{_JOB}}}[$__range])))", "orders"),),
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            "Net revenue",
            "Orders less refunds and cancellations, from the first event on, in the shop's currency.",
            "short",
            (Query(f"sum by (currency) (streamer_net_revenue{{{_JOB}}})", "{{currency}}"),),
            kind="stat",
            width=6,
            height=4,
        ),
        Panel(
            "Moves",
            "Changes of the chosen segmentation within the time shown, first segments included.",
            "short",
            (Query(f"round(sum(increase(streamer_segment_changes_total{{{_ONE}}}[$__range])))", "moves"),),
            kind="stat",
            width=6,
            height=4,
            runbook="MoveStorm",
        ),
        Panel(
            "Customers by segment",
            "How many customers are in each segment of the chosen segmentation.",
            "short",
            (Query(f"sum by (segment) (streamer_segment_customers{{{_ONE}}})", "{{segment}}"),),
            width=16,
            height=9,
            stacked=True,
            runbook="SegmentSizeJump",
        ),
        Panel(
            "Shares now",
            "The share of customers in each segment at this moment.",
            "percentunit",
            (
                Query(
                    f"sort_desc(sum by (segment) (streamer_segment_customers{{{_ONE}}}) "
                    f"/ scalar(sum(streamer_segment_customers{{{_ONE}}})))",
                    "{{segment}}",
                ),
            ),
            kind="bargauge",
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
                    "sort_desc(round(sum by (from_segment, to_segment) "
                    f"(increase(streamer_segment_moves_total{{{_ONE}}}[$__range]))) > 0)",
                    "{{from_segment}} → {{to_segment}}",
                ),
            ),
            kind="table",
            width=8,
            height=9,
            runbook="MoveStorm",
        ),
        Panel(
            "Moves by cause",
            "What made customers move: an event, time that passed, a late event, an import (backfill), a new model.",
            "cpm",
            (Query(_rate("segment_changes_total", "cause", _ONE, per_minute=True), "{{cause}}"),),
            width=16,
            height=9,
            stacked=True,
            runbook="MoveStorm",
        ),
        Panel(
            "Into each segment",
            "Customers who entered a segment, a minute.",
            "cpm",
            (Query(_rate("segment_moves_total", "to_segment", _ONE, per_minute=True), "{{to_segment}}"),),
        ),
        Panel(
            "Out of each segment",
            "Customers who left a segment, a minute; none are those who had no segment before.",
            "cpm",
            (Query(_rate("segment_moves_total", "from_segment", _ONE, per_minute=True), "{{from_segment}}"),),
        ),
        Panel(
            "Revenue of the last hour",
            "Orders less refunds and cancellations booked within the hour before, in the shop's currency.",
            "short",
            (Query(f"sum by (currency) (delta(streamer_net_revenue{{{_JOB}}}[1h]))", "{{currency}}"),),
        ),
        Panel(
            "Orders and reversals",
            "Completed orders, and refunds and cancellations, a minute.",
            "cpm",
            (
                Query(_rate("orders_total", per_minute=True), "orders"),
                Query(_rate("reversals_total", per_minute=True), "reversals"),
            ),
        ),
    ),
)

PIPELINE: Final = Board(
    uid="streamer-pipeline",
    title="Pipeline",
    description="How records go through the service: how many, how fast, and what goes wrong.",
    panels=(
        Panel(
            "Records a second",
            "Records decided, over all lanes.",
            "cps",
            (Query(_rate("records_consumed_total"), "records"),),
            kind="stat",
            width=5,
            height=4,
            runbook="NoEvents",
        ),
        Panel(
            "Waiting",
            "Records appended and not yet decided.",
            "short",
            (Query(f"sum(streamer_consumer_lag_records{{{_JOB}}})", "records"),),
            kind="stat",
            width=5,
            height=4,
            runbook="LagGrowing",
        ),
        Panel(
            "Unaccounted",
            "Consumed records that are neither applied, repeats, dead letters, rerouted nor control records; always 0.",
            "short",
            (Query(f"sum(abs(streamer_unaccounted_records{{{_JOB}}}))", "records"),),
            kind="stat",
            width=5,
            height=4,
            zero_is_good=True,
            runbook="UnaccountedRecords",
        ),
        Panel(
            "Lanes without owner",
            "Lanes that no worker owns or that are being restored; their customers stand still.",
            "short",
            (Query(f"max(streamer_lanes{{{_JOB}}}) - sum(streamer_lanes_owned{{{_JOB}}})", "lanes"),),
            kind="stat",
            width=5,
            height=4,
            zero_is_good=True,
            runbook="LaneUnowned",
        ),
        Panel(
            "Processes",
            "Workers and model owners that answer.",
            "short",
            (Query(f"sum(up{{{_JOB}}})", "processes"),),
            kind="stat",
            width=4,
            height=4,
            runbook="WorkerDown",
        ),
        Panel(
            "Throughput",
            "What became of the records, a second.",
            "cps",
            (
                Query(_rate("events_applied_total"), "applied"),
                Query(_rate("events_duplicate_total"), "repeats"),
                Query(_rate("records_rerouted_total"), "rerouted"),
                Query(_rate("dead_letters_total"), "dead letters"),
                Query(_rate("control_records_total"), "control"),
            ),
            stacked=True,
            runbook="NoEvents",
        ),
        Panel(
            "Events by type",
            "Well-formed events in their own lane, repeats included, a second.",
            "cps",
            (Query(_rate("events_received_total", "type"), "{{type}}"),),
            stacked=True,
        ),
        Panel(
            "Lag by lane",
            "Records appended to each lane and not yet decided.",
            "short",
            (Query(f"sum by (partition) (streamer_consumer_lag_records{{{_JOB}}})", "lane {{partition}}"),),
            runbook="LagGrowing",
        ),
        Panel(
            "Wait by lane",
            "Longest that a record now waiting in the lane can have waited.",
            "s",
            (Query(f"max by (lane) (streamer_consumer_lag_seconds{{{_JOB}}})", "lane {{lane}}"),),
            runbook="LagGrowing",
        ),
        Panel(
            "Event to change",
            "From when an event occurred to when the change it caused was committed; imports and late events apart.",
            "s",
            _quantiles("event_to_change_seconds"),
            runbook="ChangeLatencyHigh",
        ),
        Panel(
            "Append to commit",
            "From when Kafka took a record to when its effects were committed.",
            "s",
            _quantiles("append_to_commit_seconds"),
            runbook="ChangeLatencyHigh",
        ),
        Panel(
            "Stages",
            "Mean duration of each step of a transaction: decode and decide are the CPU, load and view Redis, commit Kafka.",
            "s",
            (
                Query(
                    f"{_rate('batch_stage_seconds_sum', 'stage')} / {_rate('batch_stage_seconds_count', 'stage')}",
                    "{{stage}}",
                ),
            ),
            stacked=True,
            runbook="LagGrowing",
        ),
        Panel(
            "Records in a transaction",
            "Mean number of records committed together; it grows by itself when more arrives.",
            "short",
            (Query(f"{_rate('batch_records_sum')} / {_rate('batch_records_count')}", "records"),),
            width=6,
        ),
        Panel(
            "Transactions",
            "Transactions of lanes by how they ended, a second.",
            "cps",
            (Query(_rate("transactions_total", "outcome"), "{{outcome}}"),),
            width=6,
        ),
        Panel(
            "Dead letters by reason",
            "Records that cannot be applied, a minute.",
            "cpm",
            (Query(_rate("dead_letters_total", "reason", per_minute=True), "{{reason}}"),),
            stacked=True,
            runbook="DeadLettersGrowing",
        ),
        Panel(
            "Late events",
            "Share of applied events that are older than what their customer had already seen.",
            "percentunit",
            (Query(f"{_rate('events_late_total')} / {_rate('events_applied_total')}", "late"),),
        ),
        Panel(
            "Restores",
            "Lanes restored and customers read back from the changelog by each worker since it started.",
            "short",
            (
                Query(f"streamer_lane_restore_seconds_count{{{_JOB}}}", "lanes, {{instance}}"),
                Query(f"streamer_lane_restored_states_total{{{_JOB}}}", "customers, {{instance}}"),
            ),
            width=8,
            runbook="RestoreSlow",
        ),
        Panel(
            "Restore time",
            "Mean duration of restoring a lane, by each worker since it started.",
            "s",
            (
                Query(
                    f"streamer_lane_restore_seconds_sum{{{_JOB}}} / (streamer_lane_restore_seconds_count{{{_JOB}}} > 0)",
                    "{{instance}}",
                ),
            ),
            width=8,
            runbook="RestoreSlow",
        ),
        Panel(
            "Lanes by worker",
            "Lanes that each worker owns; steps are rebalances.",
            "short",
            (Query(f"streamer_lanes_owned{{{_JOB}}}", "{{instance}}"),),
            width=8,
            stacked=True,
            runbook="RebalanceStorm",
        ),
        Panel(
            "CPU",
            "CPU time each process takes, as a share of one core.",
            "percentunit",
            (Query(f"rate(process_cpu_seconds_total{{{_JOB}}}[$__rate_interval])", "{{instance}}"),),
        ),
        Panel(
            "Memory",
            "Memory that each process holds.",
            "bytes",
            (Query(f"process_resident_memory_bytes{{{_JOB}}}", "{{instance}}"),),
        ),
    ),
)

BOARDS: Final = (SHOP, PIPELINE)
