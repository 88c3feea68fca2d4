"""The table of a worker's metrics, each with its kind, meaning and closed set of labels.

The exporter, the documentation and the tests read this table; nothing is registered here. Counters of a lane carry the
label ``lane`` and continue from the lane's ledger wherever the lane runs, so a sum over workers counts every record
once. Counters without that label count since the start of this process. No label ever holds a customer id.
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
        Without `PREFIX`; base units; a counter ends in ``_total``.
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
    # Flow: consumed = applied + duplicate + dead letters + rerouted + control; late is a part of applied.
    _counter("records_consumed_total", "Records of the lane decided", "lane"),
    _counter("events_applied_total", "Events folded into a customer", "lane"),
    _counter("events_duplicate_total", "Events dropped because they were applied before", "lane"),
    _counter("events_late_total", "Applied events older than the latest of their customer", "lane"),
    _counter("dead_letters_total", "Rejected records, by reason", "reason", "lane"),
    _counter(
        "fields_ignored_total",
        "Fields of applied events that were left out or taken for granted since they broke the contract, by field",
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
        "1 if a lane has stopped, after rejecting too many records or on a batch that it cannot pass",
        "lane",
    ),
    _gauge(
        "clock_skew_seconds",
        "Offset of this machine's clock from the broker's at the last measurement; positive if ahead",
    ),
    _gauge("consumer_lag_records", "Records appended to the lane and not yet decided", "partition"),
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
        "Published changes, by segment left and segment entered; none if there was no segment",
        "segmentation",
        "from_segment",
        "to_segment",
    ),
    # Business. Net revenue can fall, so it is not a counter; money is in major units, since a board cannot know a
    # currency's decimals.
    _counter("orders_total", "Completed orders", "lane"),
    _counter("reversals_total", "Refunds and cancellations", "lane"),
    _counter("guest_orders_total", "Orders that name no customer; they are in no other figure", "lane"),
    _counter("guest_refunds_total", "Refunds and cancellations that name no customer", "lane"),
    _gauge("guest_net_revenue", "Orders of guests less their refunds, in units of each currency", "currency", "lane"),
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
assignment_margin, and everything about Redis and data quality."""

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
        "Of the last week answered: chance that who ordered had been given more than who did not; 0.5 is a guess",
    ),
    _gauge("prediction_log_loss", "Of the last week answered: mean negative log-likelihood, before it was learned"),
    _gauge("prediction_brier_ratio", "Of the last week answered: mean squared error of the chances"),
    _gauge("prediction_calibration_ratio", "Of the last week answered: customers expected to order over those who did"),
    _gauge("prediction_base_ratio", "Of the last week answered: share of the customers who ordered"),
    _gauge(
        "prediction_skill_ratio",
        "Of the last week answered: 1 less log loss over that of 25 cells of recency and frequency; below 0 those were better",
    ),
    _gauge(
        "prediction_fallback", "1 while 25 cells stand in for what was learned, which did worse (streamer learn status)"
    ),
    _gauge("prediction_questions", "Customers in the question about the last week"),
    _counter("prediction_answers_checked_total", "Answers that were looked at again four weeks later"),
    _counter("prediction_answers_revised_total", "Those of them that later records would have changed"),
    _gauge("panel_distance", "Mean distance of panel customers to the centre of their cluster"),
    _gauge(
        "panel_silhouette_ratio",
        "Distance of the week's panel rows to their centre over that to the next one, before each is learned; 0 is best",
    ),
    _gauge("panel_bounce_ratio", "Share of the panel's moves that were undone within 30 days"),
    _gauge("segment_share_psi", "Population stability index of the clusters' shares since their version was made"),
    _gauge("feature_psi", "Population stability index of a feature since the frame was fitted", "feature"),
    _gauge(
        "centroid_shift_ratio", "How far a cluster has moved since it was published, over its nearest gap", "segment"
    ),
)
"""Metrics of the model owner, in addition to the standard process metrics."""

BY_NAME: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in (*METRICS, *OWNER_METRICS)})
