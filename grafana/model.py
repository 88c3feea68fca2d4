"""The board Model: the behaviour clusters, their versions, and the shop's drift away from them."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, bars, stat
from grafana.queries import JOB

_NAMES: Final = (
    f'topk by (segment) (1, max by (segment, name) (streamer_segment_info{{{JOB}, segmentation="behaviour"}}))'
)


def _latest(metric: str) -> str:
    """Return a metric of the active model owner; a waiting owner has none, or an old one."""
    return f"max(streamer_{metric}{{{JOB}}})"


MODEL: Final = Board(
    uid="streamer-model",
    title="Model",
    description="The behaviour clusters, their versions, and how far the shop has drifted from them.",
    since="now-30d",
    panels=(
        stat(
            "Version",
            "The latest published version of the clusters; 0 before the first.",
            _latest("model_version"),
            "version",
            width=6,
        ),
        stat(
            "Age",
            "How long ago the customers looked like those that the latest version was learned from.",
            _latest("model_age_seconds"),
            "age",
            width=6,
            unit="s",
        ),
        stat(
            "Customers looked at",
            "Customers in the panel that the model owner learns from.",
            _latest("panel_customers"),
            "customers",
            width=6,
        ),
        stat(
            "Proposals",
            "1 while a proposal waits for your answer: `streamer models list`.",
            _latest("model_proposals_waiting"),
            "waiting",
            width=6,
            zero_is_good=True,
            runbook="ProposalWaiting",
        ),
        Panel(
            "Customers by cluster",
            "How many customers are in each behaviour cluster.",
            "short",
            (
                Query(
                    f'sum by (segment) (streamer_segment_customers{{{JOB}, segmentation="behaviour"}}) '
                    f"* on (segment) group_left (name) {_NAMES}",
                    "{{name}}",
                ),
            ),
            stacked=True,
        ),
        bars(
            "Weekly looks",
            "What the model owner decided within the time shown: kept the version, moved its centres, proposed or published "
            "another.",
            f"round(sum by (outcome) (increase(streamer_model_refits_total{{{JOB}}}[$__range])))",
            "{{outcome}}",
        ),
        Panel(
            "Distance",
            "Mean distance of customers to the centre of their cluster, and over that to the next one (0 is best).",
            "short",
            (
                Query(_latest("panel_distance"), "to the own centre"),
                Query(_latest("panel_silhouette_ratio"), "own over next"),
            ),
        ),
        Panel(
            "Drift of shares",
            "Population stability index of the clusters' shares since the version was made; .1 is a lot, .25 is another shop.",
            "short",
            (Query(_latest("segment_share_psi"), "shares"),),
            runbook="FeatureDrift",
        ),
        Panel(
            "Drift of features",
            "Population stability index of each feature since the version was made; .1 is a lot.",
            "short",
            (Query(f"max by (feature) (streamer_feature_psi{{{JOB}}})", "{{feature}}"),),
            runbook="FeatureDrift",
        ),
        Panel(
            "Shift of centres",
            "How far each cluster has moved since it was published, over the gap to its nearest neighbour.",
            "percentunit",
            (
                Query(
                    f"max by (segment) (streamer_centroid_shift_ratio{{{JOB}}}) * on (segment) group_left (name) {_NAMES}",
                    "{{name}}",
                ),
            ),
            runbook="CentroidDrift",
        ),
        Panel(
            "Drift alarms",
            "Weekly checks that raised an alarm within the time shown, by detector and feature.",
            "short",
            (
                Query(
                    f"round(sum by (detector, feature) (increase(streamer_drift_detected_total{{{JOB}}}[$__range])))",
                    "{{detector}}: {{feature}}",
                ),
            ),
            kind="table",
            runbook="FeatureDrift",
        ),
        Panel(
            "Versions in force",
            "The version that each worker's lanes decide by, with its frame and the number of clusters.",
            "short",
            (
                Query(
                    f"sum by (version, frame, k) (streamer_model_info{{{JOB}}})",
                    "version {{version}}, {{frame}}, {{k}} clusters",
                ),
            ),
            kind="table",
        ),
    ),
)
