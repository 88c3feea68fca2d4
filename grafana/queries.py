"""Parts of queries that panels share.

A lane's counters continue wherever the lane runs, so ``sum`` over workers counts every record once.
"""

from __future__ import annotations

from typing import Final

from grafana.board import Query, Variable

JOB: Final = 'job="$job"'
SEGMENTATION: Final = Variable(
    "segmentation", "Segmentation", 'label_values(streamer_segment_customers{job="$job"}, segmentation)', "lifecycle"
)
ONE: Final = 'job="$job", segmentation="$segmentation"'


def rate(metric: str, by: str = "", labels: str = JOB, per_minute: bool = False) -> str:
    """Return the sum of rates over all workers and lanes, by a label, per second or per minute."""
    expr = f"sum{f' by ({by})' if by else ''} (rate(streamer_{metric}{{{labels}}}[$__rate_interval]))"
    return f"60 * {expr}" if per_minute else expr


_INFO: Final = f"topk by (segment) (1, max by (segment, name) (streamer_segment_info{{{ONE}}}))"


def named(expr: str) -> str:
    """Return a query by segment, with the segment's name in the service's language as an additional label."""
    return f"{expr} * on (segment) group_left (name) {_INFO}"


def by_segment(expr: str, label: str) -> str:
    """Return the sum of a query by a label that holds a segment, with the segment's name."""
    return named(f'sum by (segment) (label_replace({expr}, "segment", "$1", "{label}", "(.*)"))')


def between_names(expr: str) -> str:
    """Return the sum of a query by the names of the segments that customers left and entered."""
    summed = f"sum by (from_segment, to_segment) ({expr})"
    for end in ("from", "to"):
        held = f'label_replace({_INFO}, "{end}_segment", "$1", "segment", "(.*)")'
        info = f'label_replace({held}, "{end}_name", "$1", "name", "(.*)")'
        summed = f"{summed} * on ({end}_segment) group_left ({end}_name) {info}"
    return f"sum by (from_name, to_name) ({summed})"


def quantiles(metric: str) -> tuple[Query, ...]:
    """Return the median, 95th and 99th percentile over all workers."""
    rates = f"sum by (le) (rate(streamer_{metric}_bucket{{{JOB}}}[$__rate_interval]))"
    return tuple(
        Query(f"histogram_quantile({share}, {rates})", name)
        for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    )
