"""25 cells of recency and frequency: the baseline and fallback of predictions.

The weekly order probability of a cell is its observed rate, shrunk towards the whole shop's; old observations decay.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.behaviour.layout import FloatArray, IntArray
from models.prediction.hazard import WEEK
from models.prediction.records import Records

_RECENCY: Final = np.array([8.0, 22.0, 60.0, 150.0])
"""Upper bounds of the recency cells, in days since the last order."""
_FREQUENCY: Final = np.array([2.0, 3.0, 5.0, 10.0])
CELLS: Final = (len(_RECENCY) + 1) * (len(_FREQUENCY) + 1)
_DRAWN_BY: Final = 20.0
"""Prior weight of the whole shop's rate in each cell, in observations."""
_KEEP: Final = 2 ** (-WEEK / 365.0)
"""Factor by which earlier observations decay in a week."""


def cell_of(records: Records, day: int | FloatArray) -> IntArray:
    """Return the cell (n,) of each customer as of a day."""
    recency = np.searchsorted(_RECENCY, np.asarray(day, dtype=np.float64) - records.last, side="right")
    frequency = np.searchsorted(_FREQUENCY, records.orders, side="right")
    found: IntArray = (recency * (len(_FREQUENCY) + 1) + frequency).astype(np.int64)
    return found


def chance_in_cells(cells: FloatArray, records: Records, day: int | FloatArray) -> FloatArray:
    """Return the weekly order probability (n,) of customers from the cells' probabilities (CELLS,)."""
    found: FloatArray = cells[cell_of(records, day)]
    return found


def observe(counts: FloatArray, cells: IntArray, came: FloatArray) -> None:
    """Add a week's outcomes (n,) to the questions and buyers of each cell, (2, CELLS), which decay; in place."""
    counts *= _KEEP
    np.add.at(counts[0], cells, 1.0)
    np.add.at(counts[1], cells, came)


def chances_of(questions: FloatArray, buyers: FloatArray) -> FloatArray:
    """Return the probabilities (CELLS,) from each cell's numbers of questions and of buyers, (CELLS,) each."""
    whole = (float(buyers.sum()) + 1.0) / (float(questions.sum()) + 20.0)
    found: FloatArray = np.clip((buyers + _DRAWN_BY * whole) / (questions + _DRAWN_BY), 1e-4, 1.0 - 1e-4)
    return found
