"""Test predictions in a lane: known from the night after an order, moving silent customers at grid points, exact."""

from __future__ import annotations

import numpy as np
import pytest
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, by_customer, order, reversal
from heart_models import foreseeing

from models.behaviour.layout import FloatArray, IntArray
from models.customer.customer import Customer
from models.features.features import feature_of
from models.prediction.model import PredictionModel, first_version
from models.prediction.order_record import OrderRecord, record_of, side_by_side
from models.prediction.records import Records
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from schemas.control import ControlModel
from streamer.core import forecasts
from streamer.core.context import Context
from streamer.core.decision import Change
from streamer.core.forecasts import LaneForecasts
from streamer.core.policy import Policy

REACH = (
    DEFAULT_TEXT
    + """
[reach]
kind = "rules"
rules = [
    { segment = "nothing_known", when = "not known(p_buy_30d)" },
    { segment = "worth_a_call", when = "p_buy_30d < 0.2 exit 0.25" },
    { segment = "leave_alone", when = "p_buy_30d >= 0.5 exit 0.45" },
    { segment = "other" },
]
[reach.segments]
nothing_known = {}
worth_a_call = {}
leave_alone = {}
other = {}
"""
)
Nights = dict[str, list[int]]
POLICY = Policy(definitions=load(REACH, 1))


def shop(*orders: int, id: str = "ann") -> LogMaker:
    """Return a customer who ordered on these days."""
    log = LogMaker(now=T0)
    for day in orders:
        log.event(order(f"{id}{day}", id, T0 + day * DAY + HOUR, 40.0), now=T0 + day * DAY + HOUR)
    return log


def value(driver: Driver, name: str, at: int, id: str = "ann") -> float:
    return feature_of(name).value(driver.customer(id), at, Context(driver.state, driver.policy).shop)


def moves(driver: Driver) -> list[Change]:
    return [change for change in driver.changes if change.segmentation == "reach"]


def test_a_prediction_is_known_from_the_night_after_the_first_order_and_not_beyond_a_year() -> None:
    driver = Driver(POLICY)
    driver.feed(shop(0).records)
    assert driver.segment("ann", "reach") == "nothing_known"
    today = POLICY.grid.day_of(T0 + HOUR)
    assert np.isnan(value(driver, "p_buy_30d", POLICY.grid.instant(today)))
    for name in ("p_buy_30d", "expected_spend_90d", "next_order_from", "churn_risk_90d"):
        assert value(driver, name, POLICY.grid.instant(today + 1)) >= 0
        assert np.isnan(value(driver, name, POLICY.grid.instant(today + 366)))
    chances = [value(driver, f"p_buy_{days}d", T0 + 9 * DAY) for days in (30, 60, 90)]
    assert 0 < chances[0] < chances[1] < chances[2] < 1
    assert value(driver, "churn_risk_90d", T0 + 9 * DAY) == pytest.approx(1 - chances[2])
    assert 0 < value(driver, "next_order_from", T0 + 9 * DAY) < value(driver, "next_order_to", T0 + 9 * DAY) <= 182
    assert value(driver, "expected_spend_90d", T0 + 9 * DAY) > 5


def test_without_a_rule_that_names_one_nothing_is_looked_at() -> None:
    driver = Driver(Policy())
    driver.feed(shop(0, 10, 20).records)
    driver.tick(T0 + 100 * DAY)
    assert Context(driver.state, driver.policy).forecasts is None


def test_silence_moves_a_customer_at_the_first_grid_point_beyond_a_border() -> None:
    driver, grid = Driver(POLICY), POLICY.grid
    driver.feed(shop(0, 12, 24, 36, 48).records)
    driver.tick(T0 + 300 * DAY)
    record = record_of(driver.customer("ann"), grid)
    assert record is not None
    held, last = "other", grid.day_of(T0 + 48 * DAY)
    expected: list[tuple[str, int]] = []
    for day in range(last + 1, last + 250):
        scored = first_version().score(side_by_side([record]), np.array([20_000.0]), day, ["p_buy_30d"])
        p = float(scored["p_buy_30d"][0])
        call, alone = p < (0.25 if held == "worth_a_call" else 0.2), p >= (0.45 if held == "leave_alone" else 0.5)
        now = "worth_a_call" if call else "leave_alone" if alone else "other"
        if now != held or not expected:
            expected.append((now, grid.instant(day)))
        held = now
    silent = [(change.after, change.changed_at) for change in moves(driver) if change.changed_at > T0 + 49 * DAY]
    assert silent == [one for one in expected if one[1] > T0 + 49 * DAY] != []
    assert {change.cause for change in moves(driver) if change.changed_at > T0 + 49 * DAY} == {"time"}
    # The reasons are the prediction itself: with its value after the move in the facts before it, the customer moves.
    [reason] = [one for one in moves(driver)[-1].reasons if one.feature == "p_buy_30d"]
    assert reason.before != reason.after == moves(driver)[-1].features["p_buy_30d"]


def test_bands_of_a_prediction_move_customers_at_grid_points() -> None:
    bands = """
[promise]
kind = "bands"
feature = "p_buy_30d"
bands = [ { segment = "cold" }, { segment = "warm", from = 0.2, exit = 0.15 }, { segment = "hot", from = 0.6, exit = 0.5 } ]
[promise.segments]
cold = {}
warm = {}
hot = {}
"""
    driver = Driver(Policy(definitions=load(DEFAULT_TEXT + bands, 1)))
    driver.feed(shop(0, 12, 24, 36, 48).records)
    assert value(driver, "p_buy_30d", T0 + 49 * DAY) > 0.6
    driver.tick(T0 + 300 * DAY)
    story = driver.story("ann", "promise")
    assert [segment for segment, _ in story[-2:]] == ["hot", "warm"]
    assert all(at == POLICY.grid.instant(POLICY.grid.day_of(at)) for _, at in story[1:])
    assert story[-1][1] > T0 + 49 * DAY


def test_one_look_after_many_nights_is_as_a_look_every_night() -> None:
    log = shop(0, 12, 24, 36, 48).records
    often, seldom = Driver(POLICY), Driver(POLICY)
    often.feed(log)
    for day in range(49, 200):
        often.tick(T0 + day * DAY)
        if day % 7 == 0:
            often.drop(["ann"])
    seldom.feed(log)
    seldom.drop(["ann"])
    seldom.tick(T0 + 199 * DAY)
    assert by_customer(moves(often)) == by_customer(moves(seldom)) and len(moves(often)) >= 3


def test_a_version_is_in_force_from_the_next_grid_point_and_its_moves_are_refits() -> None:
    log = shop(0, 12, 24, 36, 48)
    log.predictions(foreseeing(1, keen=-4.0), now=T0 + 50 * DAY)
    driver = Driver(POLICY)
    driver.feed(log.records)
    assert driver.segment("ann", "reach") == "leave_alone"
    driver.tick(T0 + 51 * DAY + HOUR)
    last = moves(driver)[-1]
    assert (last.after, last.cause, last.automation_safe) == ("worth_a_call", "refit", False)
    # The lane's clock was on the day of the last order.
    assert last.changed_at == POLICY.grid.instant(POLICY.grid.day_of(T0 + 49 * DAY))
    assert [entry.version for entry in driver.state.ledger.predictions] == [1]
    # The same version again, an older one and one of another program change nothing.
    log.predictions(foreseeing(1, keen=3.0))
    log.control(
        ControlModel(segmentation="predictions", version=2, body={**foreseeing(2).to_dict(), "weights": {"level": 1.0}})
    )
    driver.feed(log.records[-2:])
    assert [entry.version for entry in driver.state.ledger.predictions] == [1]
    assert [dead.reason for dead in driver.dead] == ["bad_control"]


def test_an_order_that_is_taken_back_is_no_order() -> None:
    log = shop(0, 12, 24)
    driver = Driver(POLICY)
    driver.feed(log.records)
    with_it = value(driver, "p_buy_30d", T0 + 30 * DAY)
    log.event(reversal("back", "ann", T0 + 26 * DAY, "o-ann24"), now=T0 + 26 * DAY)
    driver.feed(log.records[-1:])
    without = Driver(POLICY)
    without.feed(shop(0, 12).records)
    assert value(driver, "p_buy_30d", T0 + 30 * DAY) == value(without, "p_buy_30d", T0 + 30 * DAY) < with_it


@pytest.mark.parametrize("with_versions", [False, True])
def test_late_orders_of_an_import_look_again_the_same_in_one_batch_as_in_many(with_versions: bool) -> None:
    log = shop(3, 15, 36, 44, 46)
    log.event(order("bob", "bob", T0 + 149 * DAY, 10.0), now=T0 + 149 * DAY + HOUR)
    live = len(log.records)
    log.opened("old")
    log.clock("old", T0 + 2 * DAY)
    for number, day in enumerate((16, 52, 47, 47, 48, 38)):
        if with_versions and number % 2:
            log.predictions(foreseeing(number, keen=(-4.0, 2.0)[number % 4 // 2]))
        log.event(order(f"late{number}", "ann", T0 + day * DAY + 2 * HOUR, 40.0), import_id="old")
    found = []
    for size in (len(log.records), 1):
        driver = Driver(POLICY)
        driver.feed(log.records[:live])
        driver.tick(log.records[live - 1].timestamp)
        for at in range(live, len(log.records), size):
            driver.feed(log.records[at : at + size])
        driver.tick(T0 + 300 * DAY)
        found.append(by_customer(driver.changes))
    assert found[0] == found[1] and any(change[0] == "reach" for change in found[0]["ann"])


def test_nobody_depends_on_company() -> None:
    """The nightly evaluation of many, and of each alone, agree to the last bit."""
    rng = np.random.default_rng(3)
    logs = [
        shop(*sorted(rng.choice(60, size=int(rng.integers(1, 6)), replace=False).tolist()), id=f"c{i}")
        for i in range(40)
    ]
    driver = Driver(POLICY)
    for log in logs:
        alone = Driver(POLICY)
        alone.feed(log.records)
        records = [record_of(alone.customer(id), POLICY.grid) for id in alone.parts]
        driver.parts.update(alone.parts)
        assert len(records) == 1
    found = [record_of(driver.customer(id), POLICY.grid) for id in driver.parts]
    together = side_by_side([one for one in found if one is not None])
    spend, day = np.arange(0.0, 1_000.0 * len(found), 1_000.0, dtype=np.float64), POLICY.grid.day_of(T0 + 90 * DAY)
    names = ("p_buy_30d", "p_buy_90d", "expected_orders_90d", "expected_spend_90d", "next_order_from", "next_order_to")
    many = first_version().score(together, spend, day, names)
    raw = first_version().chances(together, day, (30, 90))
    for at in range(len(found)):
        one = together.of(np.array([at]))
        single = first_version().score(one, spend[at : at + 1], day, names)
        assert {name: values[0] for name, values in single.items()} == {name: v[at] for name, v in many.items()}
        assert np.array_equal(first_version().chances(one, day, (30, 90))[:, 0], raw[:, at])


def day_by_day(says: LaneForecasts, customers: list[Customer], starts: IntArray, targets: IntArray) -> Nights:
    """Return what `LaneForecasts.nights` means: each night compared with the one before, whether anything is known or not."""
    found: Nights = {}
    for customer, start, target in zip(customers, starts.tolist(), targets.tolist(), strict=True):
        record = record_of(customer, says.grid)
        if record is None:
            continue

        def sides(day: int, record: OrderRecord = record) -> list[int]:
            model = says.version_on(None, day)
            scores = says.scores(model, [record], np.array([day]), tuple(says.borders))
            return [
                -1
                if np.isnan(scores[name][0])
                else sum(int(b < scores[name][0]) + int(b <= scores[name][0]) for b in edges)
                for name, edges in says.borders.items()
            ]

        for day in range(start + 1, target + 1):
            if sides(day) != sides(day - 1) or record.last >= day - 1:
                found.setdefault(customer.id, []).append(day)
    return found


def test_nights_are_those_found_day_by_day_however_many_are_reckoned_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    log = LogMaker(now=T0)
    for day, who in sorted((int(rng.integers(0, 120)), int(rng.integers(0, 12))) for _ in range(40)):
        log.event(order(f"{who}-{day}", f"c{who}", T0 + day * DAY + HOUR, 40.0), now=T0 + day * DAY + HOUR)
    log.predictions(foreseeing(1), now=T0 + 121 * DAY)
    log.predictions(foreseeing(3), now=T0 + 300 * DAY)
    driver = Driver(POLICY)
    driver.feed(log.records)
    customers = [driver.customer(f"c{who}") for who in range(12)]
    says = Context(driver.state, driver.policy).forecasts
    assert says is not None
    begin = says.grid.day_of(T0)
    starts = begin + rng.integers(0, 130, 12)
    targets = starts + rng.integers(0, 700, 12)
    expected = day_by_day(says, customers, starts, targets)
    assert sum(map(len, expected.values())) > 20 and any(days[-1] > begin + 370 for days in expected.values())
    for at_once in (1, 100, 16_384):
        monkeypatch.setattr(forecasts, "AT_ONCE", at_once)
        assert says.nights(customers, None, starts, targets) == expected


def test_a_long_silence_is_reckoned_in_few_calls_and_ends_a_year_after_the_last_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Driver(POLICY)
    driver.feed(shop(0, 20).records)
    says = Context(driver.state, driver.policy).forecasts
    assert says is not None
    calls: list[int] = []
    whole = LaneForecasts._scores_of_nights

    def counted(
        self: LaneForecasts, records: Records, spend: FloatArray, days: IntArray, clock_id: str | None
    ) -> tuple[dict[str, FloatArray], IntArray]:
        calls.append(len(days))
        return whole(self, records, spend, days, clock_id)

    monkeypatch.setattr(LaneForecasts, "_scores_of_nights", counted)
    start = says.grid.day_of(T0 + 21 * DAY)
    [days] = says.nights([driver.customer("ann")], None, np.array([start]), np.array([start + 5_000])).values()
    assert calls == [366] and days[-1] == says.grid.day_of(T0 + 20 * DAY) + 366, "from then on nothing is known"


def test_a_night_scores_many_customers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogMaker(now=T0)
    for day in (0, 12, 24, 36, 48):
        for who in range(12):
            log.event(order(f"{who}-{day}", f"c{who}", T0 + day * DAY + HOUR, 40.0), now=T0 + day * DAY + HOUR)
    driver = Driver(POLICY)
    driver.feed(log.records)
    alone: list[int] = []
    whole = LaneForecasts.scores

    def counted(
        self: LaneForecasts, model: PredictionModel, records: list[OrderRecord], days: IntArray, names: tuple[str, ...]
    ) -> dict[str, FloatArray]:
        alone.append(len(records))
        return whole(self, model, records, days, names)

    monkeypatch.setattr(LaneForecasts, "scores", counted)
    before = len(moves(driver))
    for day in range(50, 250):
        driver.tick(T0 + day * DAY)
    # Each would be scored alone twenty times in these two hundred nights.
    assert len(alone) <= 3 * 12 and len(moves(driver)) - before == 12
