"""The predictions in force in a lane, for queries."""

from __future__ import annotations

from models.features.context import FeatureContext
from models.features.predicted import PREDICTED
from streamer.adapters.redis_reader import ViewReader
from streamer.core.forecasts import LaneForecasts
from streamer.core.ledger import Ledger


def forecasts(view: ViewReader, lane: int, ledger: Ledger | None, shop: FeatureContext) -> LaneForecasts:
    """What the versions of ``ledger`` say, which was read before; the shipped one where the lane has none."""
    # All at once: where one is asked for, the others are soon.
    wanted: dict[str, tuple[float, ...]] = dict.fromkeys(PREDICTED, ())
    found = ledger or Ledger.fresh(lane)
    return LaneForecasts.of(found, view.predictions(lane), wanted, shop.grid, shop.minor_per_major)
