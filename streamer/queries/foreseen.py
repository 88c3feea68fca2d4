"""Return the predictions for one customer, with their version and reasons."""

from __future__ import annotations

from typing import Any

from models.customer.customer import Customer
from models.features.predicted import PREDICTED
from models.prediction.model import ALIVE_DAYS
from models.prediction.reasons import log_odds, reasons, worth
from schemas.wire_time import iso
from streamer.core.forecasts import LaneForecasts


def foreseen(customer: Customer, at: int, forecasts: LaneForecasts) -> dict[str, Any] | None:
    """Return all predictions at the grid day of an instant (ms), JSON-safe; None if there are none.

    Returns
    -------
    dict
        ``version`` and ``form`` of the model; ``day`` is the start of the grid day. In ``why``, the parts of
        ``p_buy_30d`` are log-odds that add up, with those of an average customer, to the customer's own. Money is in
        major units.
    """
    day = forecasts.grid.day_of(at)
    model, record = forecasts.version_on(customer.clock_id, day), forecasts.record_before(customer, day)
    if record is None or day - record.last > ALIVE_DAYS:
        return None
    chance, money, minor = reasons(model, record, day), worth(model, record, day), forecasts.minor_per_major
    return {
        "version": model.version,
        "form": model.form,
        "day": iso(forecasts.grid.instant(day)),
        "values": forecasts.values_of(customer, day, model, tuple(PREDICTED)),
        "why": {
            "p_buy_30d": {
                "log_odds": log_odds(chance.chance),
                "ordinary": round(chance.ordinary, 3),
                "ordinary_log_odds": log_odds(chance.ordinary),
                "parts": [{"family": family, "log_odds": part} for family, part in chance.parts.items()],
            },
            "expected_spend_90d": {
                "orders": round(money.orders, 3),
                "basket": round(money.basket / minor, 2),
                "ordinary_orders": round(money.ordinary_orders, 3),
                "ordinary_basket": round(money.ordinary_basket / minor, 2),
            },
        },
    }
