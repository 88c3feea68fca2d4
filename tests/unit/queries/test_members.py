"""Customers for whom a condition holds, where it names predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order

from models.prediction.model import PredictionModel
from streamer.core.ledger import Ledger
from streamer.queries.members import matching


class View:
    """What a lane's view holds (the real one: `tests/integration/test_first_list.py`)."""

    def __init__(self, driver: Driver) -> None:
        self.lanes = 1
        self._driver = driver

    def customers(self, lane: int) -> Iterator[dict[str, dict[str, bytes]]]:
        yield self._driver.parts

    def ledgers(self) -> list[Ledger]:
        return [self._driver.state.ledger]

    def predictions(self, lane: int) -> dict[int, PredictionModel]:
        return dict(self._driver.state.predictions)


def test_a_condition_may_name_predictions() -> None:
    driver, log = Driver(), LogMaker(now=T0)
    for day in (0, 12, 24, 36, 48):
        log.event(order(f"a{day}", "ann", T0 + day * DAY, 40.0), now=T0 + day * DAY + HOUR)
    log.event(order("b", "bob", T0, 40.0))
    driver.feed(log.records)

    def who(condition: str) -> list[str]:
        view = cast(Any, View(driver))
        return [one.id for one in matching(view, None, condition, driver.policy.shop, lambda one: T0 + 60 * DAY)]

    assert who("p_buy_30d >= 0.5") == ["ann"] and who("p_buy_30d < 0.5") == ["bob"]
    assert who("not known(expected_spend_90d)") == []
