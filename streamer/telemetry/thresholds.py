"""When an alert is raised: the numbers behind a worker's own alerts and behind the rules in ``prometheus/rules``.

A test holds that each rule uses the number of this table. Rules read PromQL, so they cannot import it.
"""

from __future__ import annotations

from typing import Final

REFUSED_SHARE: Final = 0.05
"""RejectRatioHigh: share of the records of ten minutes that became dead letters."""
LEAST_REFUSED: Final = 20
"""RejectRatioHigh, DeadLettersGrowing: fewer dead letters than this are no news."""
LAG_SECONDS: Final = 60
"""LagGrowing: how long records wait."""
CLOCK_SKEW_SECONDS: Final = 3_600
"""ClockJump: how far a machine's clock is from the broker's."""
MOVED_SHARE: Final = 0.2
"""MoveStorm: changes of ten minutes, as a share of the customers."""
LEAST_CUSTOMERS: Final = 100
"""MoveStorm: in a smaller shop a fifth of the customers are a handful."""
ORDERED_CAUSES: Final = ("backfill", "definition_edit")
"""MoveStorm: causes that do not count, because somebody ordered the moves: an import, an activation."""
BUSY_HALF_HOUR: Final = 30
"""NoEvents: records in the same half hour yesterday, from which on half an hour of silence is news."""
BUSY_DAY: Final = 10
"""NoEvents: records on the same weekday a week ago, from which on a day of silence is news."""
BUSY_MONTH: Final = 8
"""NoEvents: records in four weeks, from which on a week of silence is news."""

RULES: Final = {
    "RejectRatioHigh": (REFUSED_SHARE,),
    "DeadLettersGrowing": (LEAST_REFUSED,),
    "LagGrowing": (LAG_SECONDS,),
    "ClockJump": (CLOCK_SKEW_SECONDS,),
    "MoveStorm": (MOVED_SHARE, LEAST_CUSTOMERS),
    "NoEvents": (BUSY_HALF_HOUR, BUSY_DAY, BUSY_MONTH),
}
"""The numbers that the expression of a rule holds, by its name."""
