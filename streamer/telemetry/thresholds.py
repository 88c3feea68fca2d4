"""Define alert thresholds for a worker's own alerts and for the rules in ``prometheus/rules``.

A test verifies that each rule uses the number in this table. Rules are PromQL, so they cannot import it.
"""

from __future__ import annotations

from typing import Final

REFUSED_SHARE: Final = 0.05
"""RejectRatioHigh: share of dead letters among the records of ten minutes."""
LEAST_REFUSED: Final = 20
"""RejectRatioHigh, DeadLettersGrowing: minimum number of dead letters."""
LAG_SECONDS: Final = 60
"""LagGrowing: seconds that records wait."""
CLOCK_SKEW_SECONDS: Final = 3_600
"""ClockJump: difference between a machine's clock and the broker's."""
MOVED_SHARE: Final = 0.2
"""MoveStorm: changes of ten minutes, as a share of the customers."""
LEAST_CUSTOMERS: Final = 100
"""MoveStorm: minimum number of customers; in a smaller shop a fifth of the customers are a handful."""
ORDERED_CAUSES: Final = ("backfill", "definition_edit")
"""MoveStorm: causes that do not count, because an operator requested the moves by an import or activation."""
BUSY_HALF_HOUR: Final = 30
"""NoEvents: minimum records in the same half hour yesterday for half an hour of silence to raise an alert."""
BUSY_DAY: Final = 10
"""NoEvents: minimum records on the same weekday a week ago for a day of silence to raise an alert."""
BUSY_MONTH: Final = 8
"""NoEvents: minimum records in four weeks for a week of silence to raise an alert."""

RULES: Final = {
    "RejectRatioHigh": (REFUSED_SHARE,),
    "DeadLettersGrowing": (LEAST_REFUSED,),
    "LagGrowing": (LAG_SECONDS,),
    "ClockJump": (CLOCK_SKEW_SECONDS,),
    "MoveStorm": (MOVED_SHARE, LEAST_CUSTOMERS),
    "NoEvents": (BUSY_HALF_HOUR, BUSY_DAY, BUSY_MONTH),
}
"""Numbers in the expression of each rule, by the rule's name."""
