"""25 cells of recency and frequency: what predictions are measured by, and fall back to.

The chance of an order in a week is what happened in each cell, drawn towards the whole shop's, and fading.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.prediction.records import Records

_RECENCY: Final = np.array([8.0, 22.0, 60.0, 150.0])
"""Days since the last order at which a cell ends."""
_FREQUENCY: Final = np.array([2.0, 3.0, 5.0, 10.0])
CELLS: Final = (len(_RECENCY) + 1) * (len(_FREQUENCY) + 1)
_DRAWN_BY: Final = 20.0
"""Answers of the whole shop's chance that each cell begins with."""


def cell_of(records: Records, day: int | FloatArray) -> IntArray:
    """The cell (n,) of each customer as of a day."""
    recency = np.searchsorted(_RECENCY, np.asarray(day, dtype=np.float64) - records.last, side="right")
    frequency = np.searchsorted(_FREQUENCY, records.orders, side="right")
    found: IntArray = (recency * (len(_FREQUENCY) + 1) + frequency).astype(np.int64)
    return found


def chance_in_cells(cells: FloatArray, records: Records, day: int | FloatArray) -> FloatArray:
    """The chance (n,) of an order in a week from the chances (CELLS,)."""
    found: FloatArray = cells[cell_of(records, day)]
    return found


def chances_of(questions: FloatArray, buyers: FloatArray) -> FloatArray:
    """Chances (CELLS,) from the answers counted in each cell, asked and come, (CELLS,)."""
    whole = (float(buyers.sum()) + 1.0) / (float(questions.sum()) + 20.0)
    found: FloatArray = np.clip((buyers + _DRAWN_BY * whole) / (questions + _DRAWN_BY), 1e-4, 1.0 - 1e-4)
    return found
