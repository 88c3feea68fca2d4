"""Test a customer's predictions and their reasons, as JSON and in words."""

from __future__ import annotations

from math import fsum

import msgspec
import pytest
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, order

from models.messages import messages
from models.prediction.model import ALIVE_DAYS
from schemas.api import Predictions
from streamer.commands.customer import prediction_lines
from streamer.core.forecasts import LaneForecasts
from streamer.queries.foreseen import foreseen


@pytest.fixture(scope="module")
def driver() -> Driver:
    driver, log = Driver(), LogMaker(now=T0)
    for day in (0, 12, 24, 36, 48):
        log.event(order(f"a{day}", "ann", T0 + day * DAY, 40.0), now=T0 + day * DAY + HOUR)
    log.event(order("b", "bob", T0, 40.0))
    driver.feed(log.records)
    return driver


def asked(driver: Driver, id: str, at: int) -> dict[str, object] | None:
    ledger, shop = driver.state.ledger, driver.policy.shop
    says = LaneForecasts.of(ledger, driver.state.predictions, {}, shop.grid, shop.minor_per_major)
    return foreseen(driver.customer(id), at, says)


def test_parts_and_values_are_those_of_the_features(driver: Driver) -> None:
    found = Predictions.model_validate(asked(driver, "ann", T0 + 60 * DAY))
    assert (found.version, found.form) == (0, "hazard")
    why = found.why.p_buy_30d
    assert why.ordinary_log_odds + fsum(part.log_odds for part in why.parts) == pytest.approx(why.log_odds, abs=1e-6)
    assert [part.family for part in why.parts] == ["silence", "habit", "newness", "basket"]
    assert found.values["p_buy_30d"] > why.ordinary
    money = found.why.expected_spend_90d
    assert money.orders * money.basket == pytest.approx(found.values["expected_spend_90d"], rel=0.01)
    assert money.orders == found.values["expected_orders_90d"]


def test_nothing_is_said_of_who_ordered_today_first_or_very_long_ago(driver: Driver) -> None:
    assert asked(driver, "bob", T0) is None
    assert asked(driver, "bob", T0 + (ALIVE_DAYS + 2) * DAY) is None
    assert asked(driver, "bob", T0 + 30 * DAY) is not None


def test_in_words_of_both_languages(driver: Driver) -> None:
    found = msgspec.json.decode(msgspec.json.encode(asked(driver, "bob", T0 + 60 * DAY)))
    english = list(prediction_lines(found, messages("en"), "EUR"))
    assert english[0].startswith("chance of an order within 30 days: ") and "of an ordinary customer" in english[0]
    assert [line.split(":")[0].strip() for line in english[1:5]] == [
        "time since the last order",
        "number and pace of orders",
        "time since the first order",
        "size of the orders",
    ]
    assert "EUR" in english[5] and english[-1].startswith("by version 0 of the predictions, for 20")
    chinese = list(prediction_lines(found, messages("zh"), "EUR"))
    assert chinese[0].startswith("30 天内下单的概率") and len(chinese) == len(english)
    assert list(prediction_lines(None, messages("en"), "EUR")) == []
    cells = list(prediction_lines({**found, "form": "cells"}, messages("en"), "EUR"))
    assert "(25 cells)" in cells[-1]
