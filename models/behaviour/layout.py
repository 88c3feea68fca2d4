"""The layout of a customer's behaviour memory.

One customer is one row of ``WIDTH`` float32. The row begins with three statistics vectors of
``VECTOR`` columns each, with the same columns in each:

S
    the short memory (half-life 25 days);
L
    the trusted past (120 days), against which the customer is compared;
R
    the suspect recent window (120 days), which flows into L unless a change is suspected.

Then follow W (one CUSUM per segment slot, stored as its four summands), the area of the position path, values that do
not decay, and the rhythm: four numbers about the gaps between orders. Arithmetic uses float64 and rounds to float32
after every day, so the memory, its snapshots and any grouping of steps hold identical values.
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
"""Version of this layout: the first byte of every blob. Increase it with any change below."""

CATEGORIES: Final = 8
"""Hashed category slots; only breadth uses them, so rare collisions are harmless."""
SLOTS: Final = 10
"""Maximum number of segments in a model."""
FEATURES: Final = 7
PARTS: Final = ("orders", "clicks", "basket", "discount_share")
"""The kinds of evidence for a change: the W of a segment is the sum of one number for each."""

# Columns of one statistics vector.
EXPOSURE: Final = 0  # days observed
ORDER_DAYS: Final = 1  # days with an order, 0 or 1 per day
CLICK_DAYS: Final = 2  # days with an interaction, 0 or 1 per day
MONEY: Final = 3  # minor units
ORDERS: Final = 4
LOG_BASKET: Final = 5  # sum over order-days of the day's mean log order value
DISCOUNTED: Final = 6  # orders with a discount
CATEGORY: Final = 7  # first of the category slots: orders containing the category
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
DAY: Final = SEGMENT + 1  # grid day the row is stepped to; its bucket is open
FIRST_DAY: Final = SEGMENT + 2
LAST_EVENT: Final = SEGMENT + 3  # day of the customer's own latest event
ORDER_COUNT: Final = SEGMENT + 4  # evidence: lifetime orders, net of reversals
INTERACTION_COUNT: Final = SEGMENT + 5  # evidence: lifetime interactions
VERSION: Final = SEGMENT + 6  # model version of the row's last step
LABEL_VERSION: Final = SEGMENT + 7  # model version that assigned, or last confirmed, the label
REFERENCE: Final = slice(SEGMENT + 8, SEGMENT + 8 + FEATURES)  # features when the label was assigned
LAST_ORDER: Final = REFERENCE.stop  # day of the last order-day, 0 for none
GAPS: Final = LAST_ORDER + 1  # total weight of the remembered gaps between order-days
GAP_MEAN: Final = LAST_ORDER + 2  # their weighted mean, days
GAP_SQUARES: Final = LAST_ORDER + 3  # weighted sum of their squared deviations from it
RHYTHM: Final = slice(LAST_ORDER, GAP_SQUARES + 1)
WIDTH: Final = RHYTHM.stop

UNASSIGNED: Final = 0
"""Segment code before any model is in force."""
NEW: Final = 1
"""Segment code of customers with too little evidence."""
NEW_ID: Final = "new"
NEW_NAME: Final = "New"
FIRST_CODE: Final = 2
"""Codes of real segments start here and are never reused."""

HALF_LIFE_SHORT: Final = 25.0
HALF_LIFE_LONG: Final = 120.0
HALF_LIFE_LEAK: Final = 25.0
FULL_SHORT: Final = 1 / (1 - 2 ** (-1 / HALF_LIFE_SHORT))
FULL_LONG: Final = 1 / (1 - 2 ** (-1 / HALF_LIFE_LONG))
"""Exposure (days) to which a long memory converges for a customer observed long enough."""
DECAY: Final[FloatArray] = np.repeat(
    [2 ** (-1 / HALF_LIFE_SHORT), 2 ** (-1 / HALF_LIFE_LONG), 2 ** (-1 / HALF_LIFE_LONG)], VECTOR
).reshape(-1, 1)
"""Daily decay factors of the three vectors, shape (3 * VECTOR, 1)."""
DECAY.flags.writeable = False
LEAK: Final = 1 - 2 ** (-1 / HALF_LIFE_LEAK)
"""Share of the suspect window that becomes trusted each day."""


def parts_of(block: FloatArray) -> FloatArray:
    """Return the parts of W of a block (WIDTH, n), shape (PARTS, SLOTS, n); a view."""
    return block[CUSUM:AREA].reshape(len(PARTS), SLOTS, -1)
