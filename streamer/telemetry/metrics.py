"""Define a worker's metrics as a table, each with its kind, meaning and closed set of labels.

The exporter, the documentation and the tests read this table; nothing is registered here. Counters of a lane have the
label ``lane`` and continue from the lane's ledger wherever the lane runs, so a sum over workers counts every record
once. Counters without that label count since the start of this process. Labels never contain a customer id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

PREFIX: Final = "streamer_"

_LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_STAGE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECORDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
_RESTORE: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name
        Name without `PREFIX`, in base units; a counter ends in ``_total``.
    buckets
        Upper bounds of a histogram, ascending, without infinity.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The exposed name."""
        return PREFIX + self.name


def _counter(name: str, help: str, *labels: str) -> Metric:
    return Metric(name, "counter", help, labels)


def _gauge(name: str, help: str, *labels: str) -> Metric:
    return Metric(name, "gauge", help, labels)


def _histogram(name: str, help: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name, "histogram", help, labels, buckets)


METRICS: Final[tuple[Metric, ...]] = (
    # Flow: consumed = applied + duplicate + dead letters + rerouted + control; late is part of applied.
    _counter("records_consumed_total", "Records of the lane that have been processed", "lane"),
    _counter("events_applied_total", "Events applied to a customer", "lane"),
    _counter("events_duplicate_total", "Events dropped because they were applied before", "lane"),
    _counter("events_late_total", "Applied events older than their customer's latest event", "lane"),
    _counter("dead_letters_total", "Rejected records, by reason", "reason", "lane"),
    _counter(
        "fields_ignored_total",
        "Invalid fields of applied events that were ignored or replaced by a default, by field",
        "field",
        "lane",
    ),
    _counter("records_rerouted_total", "Records forwarded to the lane they belong to", "lane"),
    _counter("control_records_total", "Control records processed, by type", "type", "lane"),
    _gauge("unaccounted_records", "Consumed records that no other counter explains; always 0", "lane"),
    _counter("events_received_total", "Valid events received in their own lane, including duplicates, by type", "type"),
    # Latency.
    _histogram("event_to_change_seconds", "Time from an event to the commit of the change it caused", _LATENCY),
    _histogram("append_to_commit_seconds", "Time from the append of a record to the commit of its effects", _LATENCY),
    _histogram("batch_stage_seconds", "Duration of one step of a lane, by stage", _STAGE, "stage"),
    _histogram("batch_records", "Records in one transaction", _RECORDS),
    # Kafka.
    _counter("transactions_total", "Transactions of lanes, by outcome", "outcome"),
    _gauge("lanes", "Number of lanes, which are the partitions of the input topic"),
    _gauge("lanes_owned", "Lanes owned by this worker"),
    _counter("rebalances_total", "Rebalances that assigned lanes to this worker"),
    _histogram("lane_restore_seconds", "Duration of a lane restore", _RESTORE),
    _counter("lane_restored_states_total", "Customers read back from the changelog"),
    _gauge("lane_restored_ratio", "Share of a lane restore that is done; 1 when finished", "lane"),
    _gauge(
        "lane_stopped",
        "1 if a lane has stopped because it rejected too many records or cannot process a batch",
        "lane",
    ),
    _gauge(
        "clock_skew_seconds",
        "Offset of this machine's clock from the broker's at the last measurement; positive if ahead",
    ),
    _gauge("consumer_lag_records", "Records in the lane that have not been processed yet", "partition"),
    _gauge("consumer_lag_seconds", "Upper bound of how long the oldest waiting record has waited", "lane"),
    # Segments.
    _gauge("customers_tracked", "Customers of the lane", "lane"),
    _gauge("segment_customers", "Customers in a segment", "segmentation", "segment", "lane"),
    _gauge(
        "segment_info", "1 for each segment, with its name in the service's language", "segmentation", "segment", "name"
    ),
    _counter("segment_changes_total", "Published changes, by cause", "segmentation", "cause", "lane"),
    _counter(
        "segment_moves_total",
        "Published changes, by segment left and segment entered; `none` stands for no segment",
        "segmentation",
        "from_segment",
        "to_segment",
    ),
    # Business. Net revenue can fall, so it is not a counter. Money is in major units, because a board cannot know a
    # currency's decimals.
    _counter("orders_total", "Completed orders", "lane"),
    _counter("reversals_total", "Refunds and cancellations", "lane"),
    _counter("guest_orders_total", "Orders without a customer; no other figure includes them", "lane"),
    _counter("guest_refunds_total", "Refunds and cancellations without a customer", "lane"),
    _gauge(
        "guest_net_revenue",
        "Guest orders less refunds and cancellations, in units of each currency",
        "currency",
        "lane",
    ),
    _gauge("net_revenue", "Orders less refunds and cancellations, in units of the shop's currency", "currency", "lane"),
    # Model and runtime.
    _gauge(
        "model_info",
        "1 for each cluster model active in a lane of this worker",
        "segmentation",
        "version",
        "frame",
        "k",
    ),
    _gauge("build_info", "1 for the version of the program", "version"),
)
"""Not exposed, because a lane's step does not report them: time_moves_due, segment_dwell_days, bounced_moves_total,
assignment_margin, and everything about Redis and data quality.
"""

OUTCOMES: Final = ("immature", "too_few", "kept", "moved", "promoted", "proposed", "rejected", "renamed", "withdrawn")
"""Possible outcomes of a refit or of a decision about the clusters."""

OWNER_METRICS: Final[tuple[Metric, ...]] = (
    _counter("model_refits_total", "Refits of the clusters and decisions about them, by outcome", "outcome"),
    _counter(
        "drift_detected_total",
        "Weekly drift checks that raised an alarm, by detector and feature",
        "detector",
        "feature",
    ),
    _gauge("model_version", "Latest published version of the clusters; 0 before the first"),
    _gauge("model_age_seconds", "Age of the panel on which the latest version was trained"),
    _gauge("model_proposals_waiting", "1 while a proposal waits for an answer (streamer models list)"),
    _gauge("model_proposal_moves_ratio", "Share of the panel that the waiting proposal would move"),
    _gauge("panel_customers", "Customers in the panel"),
    _gauge(
        "prediction_version",
        "Latest published version of the predictions; 0 before the first, while the shipped prior holds",
    ),
    _gauge(
        "prediction_auc_ratio",
        "Last completed week: probability that a buyer was ranked above a non-buyer (AUC); 0.5 is chance",
    ),
    _gauge("prediction_log_loss", "Last completed week: mean log loss, measured before learning from it"),
    _gauge("prediction_brier_ratio", "Last completed week: mean squared error of the predicted probabilities"),
    _gauge(
        "prediction_calibration_ratio",
        "Last completed week: number of customers expected to order over the number who did",
    ),
    _gauge("prediction_base_ratio", "Last completed week: share of customers who ordered"),
    _gauge(
        "prediction_skill_ratio",
        "Last completed week: 1 - log loss / log loss of the 25-cell baseline; below 0 the baseline was better",
    ),
    _gauge(
        "prediction_fallback", "1 while 25 cells stand in for what was learned, which did worse (streamer learn status)"
    ),
    _gauge(
        "prediction_progressive_auc_ratio", "AUC of all predictions so far, each made before its outcome was learned"
    ),
    _gauge("prediction_progressive_log_loss", "Mean negative log-likelihood of all outcomes so far"),
    _gauge("prediction_progressive_brier_ratio", "Mean squared error of all predicted chances so far"),
    _gauge(
        "prediction_drift", "1 for four weeks after River's PageHinkley detected a change in the weekly calibration"
    ),
    _gauge("prediction_questions", "Customers whose orders were predicted for the last week"),
    _counter("prediction_answers_checked_total", "Outcomes that were checked again four weeks later"),
    _counter("prediction_answers_revised_total", "Checked outcomes that later records would have changed"),
    _gauge("panel_distance", "Mean distance of panel customers from the centre of their cluster"),
    _gauge(
        "panel_silhouette_ratio",
        "Mean distance of this week's panel rows to their own centre over that to the next one, before learning; 0 is best",
    ),
    _gauge("panel_bounce_ratio", "Share of the panel's moves that were undone within 30 days"),
    _gauge("segment_share_psi", "Population stability index of the clusters' shares since their version was trained"),
    _gauge("feature_psi", "Population stability index of a feature since the frame was fitted", "feature"),
    _gauge(
        "centroid_shift_ratio",
        "Distance a cluster has moved since publication, over the distance to its nearest neighbour",
        "segment",
    ),
)
"""Metrics of the model owner, in addition to the standard process metrics."""

BY_NAME: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in (*METRICS, *OWNER_METRICS)})
