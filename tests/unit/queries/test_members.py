"""Test customers who meet a condition that names predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order

from models.prediction.model import PredictionModel
from schemas.wire_time import iso
from streamer.core.forecasts import LaneForecasts
from streamer.core.ledger import Ledger
from streamer.queries.members import FILE_COLUMNS, Member, matching, members, row


class View:
    """A lane's view (`tests/integration/test_first_list.py` uses the real one)."""

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

    def found(condition: str) -> list[Member]:
        view = cast(Any, View(driver))
        return list(matching(view, None, condition, driver.policy.shop, lambda one: T0 + 60 * DAY))

    def who(condition: str) -> list[str]:
        return [one.id for one in found(condition)]

    assert who("p_buy_30d >= 0.5") == ["ann"] and who("p_buy_30d < 0.5") == ["bob"]
    assert who("not known(expected_spend_90d)") == []
    [ann] = found("orders = 5")
    assert row(ann) | {"p_buy_30d": "", "expected_spend_90d": ""} == {
        **dict.fromkeys(FILE_COLUMNS),
        "id": "ann",
        "last_order": iso(T0 + 48 * DAY),
        "p_buy_30d": "",
        "expected_spend_90d": "",
        "predictions_version": "0",
    }
    assert float(row(ann)["p_buy_30d"] or 0) >= 0.5 and float(row(ann)["expected_spend_90d"] or 0) > 100


def test_a_list_of_members_says_what_is_foreseen_by_the_lanes_own_clock() -> None:
    driver, log = Driver(), LogMaker(now=T0)
    log.event(order("a", "ann", T0, 40.0))
    log.event(order("b", "bob", T0 + 40 * DAY, 40.0), now=T0 + 40 * DAY)
    driver.feed(log.records)
    view, policy = cast(Any, View(driver)), driver.policy
    listed = members(view, policy.definitions, policy.shop, policy.grid, ["lifecycle/new"])
    told = {one.id: one.foreseen for one in listed}
    assert set(told) == {"ann", "bob"} and told["bob"] is None, "who came today is not known yet"
    says = LaneForecasts.of(driver.state.ledger, driver.state.predictions, {}, policy.grid, policy.shop.minor_per_major)
    alone = says.value("p_buy_30d", driver.customer("ann"), driver.state.ledger.clock)
    assert told["ann"] is not None and told["ann"].values["p_buy_30d"] == alone
