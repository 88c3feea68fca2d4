"""Read the predictions in force in a lane, for queries."""

from __future__ import annotations

from models.features.context import FeatureContext
from models.features.predicted import PREDICTED
from streamer.adapters.redis_reader import ViewReader
from streamer.core.forecasts import LaneForecasts
from streamer.core.ledger import Ledger


def forecasts(view: ViewReader, lane: int, ledger: Ledger | None, shop: FeatureContext) -> LaneForecasts:
    """Return the predictions of the versions in ``ledger``, which was read before, or of the shipped version if it has none."""
    # Compute all at once, because a query for one is soon followed by the others.
    wanted: dict[str, tuple[float, ...]] = dict.fromkeys(PREDICTED, ())
    found = ledger or Ledger.fresh(lane)
    return LaneForecasts.of(found, view.predictions(lane), wanted, shop.grid, shop.minor_per_major)
