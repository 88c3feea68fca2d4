"""What is foreseen of many customers at once: values alone, without reasons."""

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
    """Some predictions of a customer, and the version that they come from; money in major units."""

    version: int
    values: dict[str, float]


def now_in(forecasts: LaneForecasts) -> Callable[[Customer], int]:
    """The instant that is now for a customer of a lane: of the clock it lives by, or of its own state where that is later."""
    return lambda one: max(one.as_of, forecasts.ledger.clock_of(one.clock_id))


def foreseen_of_many(
    customers: Sequence[Customer], clock: Callable[[Customer], int], forecasts: LaneForecasts, names: Sequence[str]
) -> dict[str, Foreseen]:
    """The named predictions of customers of a lane, by id; nothing is there for those about whom nothing can be said.

    Parameters
    ----------
    clock
        The instant (ms) that is now for a customer; its grid day counts.
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
