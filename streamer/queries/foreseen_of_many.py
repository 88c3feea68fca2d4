"""Return the predictions for many customers at once: values only, without reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.customer.customer import Customer
from models.prediction.order_record import OrderRecord
from streamer.core.forecasts import LaneForecasts


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Predictions for a customer, and their version. Money is in major units."""

    version: int
    values: dict[str, float]


def now_in(forecasts: LaneForecasts) -> Callable[[Customer], int]:
    """Return a function that returns a customer's current instant (ms): its clock, or its state's time if later."""
    return lambda one: max(one.as_of, forecasts.ledger.clock_of(one.clock_id))


def foreseen_of_many(
    customers: Sequence[Customer], clock: Callable[[Customer], int], forecasts: LaneForecasts, names: Sequence[str]
) -> dict[str, Foreseen]:
    """Return the named predictions for customers of a lane, by id, omitting customers without predictions.

    Parameters
    ----------
    clock
        Returns a customer's current instant (ms); its grid day counts.
    """
    together: dict[tuple[int, int], list[tuple[str, OrderRecord]]] = defaultdict(list)
    models = {}
    for one in customers:
        day = forecasts.grid.day_of(clock(one))
        model, record = forecasts.version_on(one.clock_id, day), forecasts.record_before(one, day)
        if record is not None:
            models[model.version] = model
            together[model.version, day].append((one.id, record))
    found: dict[str, Foreseen] = {}
    for (version, day), those in together.items():
        days = np.full(len(those), day, dtype=np.int64)
        scores = forecasts.scores(models[version], [record for _, record in those], days, names)
        for at, (id, _) in enumerate(those):
            values = {name: float(column[at]) for name, column in scores.items()}
            if not any(value != value for value in values.values()):
                found[id] = Foreseen(version, values)
    return found
