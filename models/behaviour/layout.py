"""Where each number of a customer's behaviour memory lives.

One customer is one row of ``WIDTH`` float32. The row begins with three statistics vectors of
``VECTOR`` columns each, the same columns in each:

S
    the short memory (half-life 25 days);
L
    the trusted past (120 days), what the customer is measured against;
R
    the suspect recent window (120 days), which leaks into L unless a change is suspected.

After them come W (one CUSUM a segment slot, kept as the four parts that it adds up to), the area of
the position path, what does not decay, and the rhythm: four numbers about the gaps between orders.
Arithmetic is done in float64 and rounded to float32 after every day, so that the memory, a snapshot of
it and any grouping of the steps hold the very same values.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LAYOUT: Final = 3
"""Number of this layout: the first byte of every blob. Raise it with any change below."""

CATEGORIES: Final = 8
"""Hashed category slots; breadth is all they serve, so rare collisions do no harm."""
SLOTS: Final = 10
"""Most segments a model may have."""
FEATURES: Final = 7
PARTS: Final = ("orders", "clicks", "basket", "discount_share")
"""What speaks for a change: W of a segment is the sum of one number for each."""

# Columns of one statistics vector.
EXPOSURE: Final = 0  # days looked at
ORDER_DAYS: Final = 1  # days with an order, 0 or 1 a day
CLICK_DAYS: Final = 2  # days with an interaction, 0 or 1 a day
MONEY: Final = 3  # minor units
ORDERS: Final = 4
LOG_BASKET: Final = 5  # sum over order-days of the day's mean log order value
DISCOUNTED: Final = 6  # orders with a discount
CATEGORY: Final = 7  # first of the category slots: orders that held the category
VECTOR: Final = CATEGORY + CATEGORIES

# Columns of a row.
SHORT: Final = slice(0, VECTOR)
LONG: Final = slice(VECTOR, 2 * VECTOR)
RECENT: Final = slice(2 * VECTOR, 3 * VECTOR)
SHORT_AT: Final = SHORT.start
LONG_AT: Final = LONG.start
RECENT_AT: Final = RECENT.start
DECAYING: Final = slice(0, 3 * VECTOR)
CUSUM: Final = 3 * VECTOR  # first of the W slots: all slots of the first part, then of the second ...
AREA: Final = CUSUM + len(PARTS) * SLOTS  # position path, leaky integral of the margin
STEPPED: Final = AREA + 1  # columns before this one change at every grid point
SEGMENT: Final = STEPPED  # code of the segment, see UNASSIGNED and NEW
DAY: Final = SEGMENT + 1  # grid day up to which the row is stepped; its bucket is open
FIRST_DAY: Final = SEGMENT + 2
LAST_EVENT: Final = SEGMENT + 3  # day of the last event of the customer's own
ORDER_COUNT: Final = SEGMENT + 4  # evidence: orders of a lifetime, less those taken back
INTERACTION_COUNT: Final = SEGMENT + 5  # evidence: interactions of a lifetime
VERSION: Final = SEGMENT + 6  # model version under which the row was last stepped
LABEL_VERSION: Final = SEGMENT + 7  # model version that gave, or last confirmed, the label
REFERENCE: Final = slice(SEGMENT + 8, SEGMENT + 8 + FEATURES)  # features when the label was given
LAST_ORDER: Final = REFERENCE.stop  # day of the last order-day, 0 for none
GAPS: Final = LAST_ORDER + 1  # weight of the gaps between order-days that are remembered
GAP_MEAN: Final = LAST_ORDER + 2  # their weighted mean, days
GAP_SQUARES: Final = LAST_ORDER + 3  # weighted sum of their squared deviations from it
RHYTHM: Final = slice(LAST_ORDER, GAP_SQUARES + 1)
WIDTH: Final = RHYTHM.stop

UNASSIGNED: Final = 0
"""Segment code before any model was in force."""
NEW: Final = 1
"""Segment code of customers below the evidence."""
NEW_ID: Final = "new"
NEW_NAME: Final = "New"
FIRST_CODE: Final = 2
"""Codes of real segments start here and are never given twice."""

HALF_LIFE_SHORT: Final = 25.0
HALF_LIFE_LONG: Final = 120.0
HALF_LIFE_LEAK: Final = 25.0
FULL_SHORT: Final = 1 / (1 - 2 ** (-1 / HALF_LIFE_SHORT))
FULL_LONG: Final = 1 / (1 - 2 ** (-1 / HALF_LIFE_LONG))
"""Days of exposure that a memory comes to in the end: what it holds of somebody who has always been here."""
DECAY: Final[FloatArray] = np.repeat(
    [2 ** (-1 / HALF_LIFE_SHORT), 2 ** (-1 / HALF_LIFE_LONG), 2 ** (-1 / HALF_LIFE_LONG)], VECTOR
).reshape(-1, 1)
"""What a day leaves of the three vectors, shape (3 * VECTOR, 1)."""
DECAY.flags.writeable = False
LEAK: Final = 1 - 2 ** (-1 / HALF_LIFE_LEAK)
"""Share of the suspect window that becomes trusted each day."""


def parts_of(block: FloatArray) -> FloatArray:
    """W of a block (WIDTH, n) in its parts, shape (PARTS, SLOTS, n); a view."""
    return block[CUSUM:AREA].reshape(len(PARTS), SLOTS, -1)
