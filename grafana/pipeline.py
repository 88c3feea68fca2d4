"""The board Pipeline: the flow of records through the service."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, stat
from grafana.queries import JOB, quantiles, rate

PIPELINE: Final = Board(
    uid="streamer-pipeline",
    title="Pipeline",
    description="How records go through the service: how many, how fast, and what goes wrong.",
    panels=(
        stat(
            "Records a second",
            "Records decided, over all lanes.",
            rate("records_consumed_total"),
            "records",
            width=5,
            unit="cps",
            runbook="NoEvents",
        ),
        stat(
            "Waiting",
            "Records appended and not yet decided.",
            f"sum(streamer_consumer_lag_records{{{JOB}}})",
            "records",
            width=5,
            runbook="LagGrowing",
        ),
        stat(
            "Unaccounted",
            "Consumed records that are neither applied, repeats, dead letters, rerouted nor control records; always 0.",
            f"sum(abs(streamer_unaccounted_records{{{JOB}}}))",
            "records",
            width=5,
            zero_is_good=True,
            runbook="UnaccountedRecords",
        ),
        stat(
            "Lanes without owner",
            "Lanes that no worker owns or that are being restored; their customers stand still.",
            f"max(streamer_lanes{{{JOB}}}) - sum(streamer_lanes_owned{{{JOB}}})",
            "lanes",
            width=5,
            zero_is_good=True,
            runbook="LaneUnowned",
        ),
        stat(
            "Processes",
            "Workers and model owners that answer.",
            f"sum(up{{{JOB}}})",
            "processes",
            width=4,
            runbook="WorkerDown",
        ),
        Panel(
            "Throughput",
            "What became of the records, a second.",
            "cps",
            (
                Query(rate("events_applied_total"), "applied"),
                Query(rate("events_duplicate_total"), "repeats"),
                Query(rate("records_rerouted_total"), "rerouted"),
                Query(rate("dead_letters_total"), "dead letters"),
                Query(rate("control_records_total"), "control"),
            ),
            stacked=True,
            runbook="NoEvents",
        ),
        Panel(
            "Events by type",
            "Well-formed events in their own lane, repeats included, a second.",
            "cps",
            (Query(rate("events_received_total", "type"), "{{type}}"),),
            stacked=True,
        ),
        Panel(
            "Lag by lane",
            "Records appended to each lane and not yet decided.",
            "short",
            (Query(f"sum by (partition) (streamer_consumer_lag_records{{{JOB}}})", "lane {{partition}}"),),
            runbook="LagGrowing",
        ),
        Panel(
            "Wait by lane",
            "Longest that a record now waiting in the lane can have waited.",
            "s",
            (Query(f"max by (lane) (streamer_consumer_lag_seconds{{{JOB}}})", "lane {{lane}}"),),
            runbook="LagGrowing",
        ),
        Panel(
            "Event to change",
            "From when an event occurred to when the change it caused was committed; changes by imports are left out.",
            "s",
            quantiles("event_to_change_seconds"),
            runbook="ChangeLatencyHigh",
        ),
        Panel(
            "Append to commit",
            "From when Kafka took a record to when its effects were committed.",
            "s",
            quantiles("append_to_commit_seconds"),
            runbook="ChangeLatencyHigh",
        ),
        Panel(
            "Stages",
            "Mean time of each step of a transaction: decode and decide are CPU, load and view Redis, commit is Kafka.",
            "s",
            (
                Query(
                    f"{rate('batch_stage_seconds_sum', 'stage')} / {rate('batch_stage_seconds_count', 'stage')}",
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
            (Query(f"{rate('batch_records_sum')} / {rate('batch_records_count')}", "records"),),
            width=6,
        ),
        Panel(
            "Transactions",
            "Transactions of lanes by how they ended, a second.",
            "cps",
            (Query(rate("transactions_total", "outcome"), "{{outcome}}"),),
            width=6,
        ),
        Panel(
            "Dead letters by reason",
            "Records that cannot be applied, a minute.",
            "cpm",
            (Query(rate("dead_letters_total", "reason", per_minute=True), "{{reason}}"),),
            stacked=True,
            runbook="DeadLettersGrowing",
        ),
        Panel(
            "Late events",
            "Share of applied events that are older than what their customer had already seen.",
            "percentunit",
            (Query(f"{rate('events_late_total')} / {rate('events_applied_total')}", "late"),),
        ),
        Panel(
            "Restores",
            "Lanes restored and customers read back from the changelog by each worker since it started.",
            "short",
            (
                Query(f"streamer_lane_restore_seconds_count{{{JOB}}}", "lanes, {{instance}}"),
                Query(f"streamer_lane_restored_states_total{{{JOB}}}", "customers, {{instance}}"),
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
                    f"streamer_lane_restore_seconds_sum{{{JOB}}} / (streamer_lane_restore_seconds_count{{{JOB}}} > 0)",
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
            (Query(f"streamer_lanes_owned{{{JOB}}}", "{{instance}}"),),
            width=8,
            stacked=True,
            runbook="RebalanceStorm",
        ),
        Panel(
            "CPU",
            "CPU time each process takes, as a share of one core.",
            "percentunit",
            (Query(f"rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval])", "{{instance}}"),),
        ),
        Panel(
            "Memory",
            "Memory that each process holds.",
            "bytes",
            (Query(f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}"),),
        ),
    ),
)
