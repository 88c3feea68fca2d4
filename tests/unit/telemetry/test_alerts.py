"""Test which alerts a worker raises, and that each is published once."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from prometheus_tools import ROOT, load_yaml

from schemas.alerts import Alert
from streamer.telemetry.alerts import AlertBook, Condition, Conditions
from streamer.telemetry.lane_metrics import Samples


def samples(lane: int = 0, **values: float) -> Samples:
    """Return figures of one quiet lane, with some changed."""
    label = (str(lane),)
    held = {
        "consumed": 1_000.0,
        "refused": 0.0,
        "unaccounted": 0.0,
        "lag": 0.0,
        "changes": 0.0,
        "imported": 0.0,
        "edited": 0.0,
    }
    held |= {"customers": 500.0, **values}
    return {
        "records_consumed_total": {label: held["consumed"]},
        "dead_letters_total": {("not_json", str(lane)): held["refused"], ("too_late", str(lane)): 0.0},
        "unaccounted_records": {label: held["unaccounted"]},
        "consumer_lag_seconds": {label: held["lag"]},
        "segment_changes_total": {
            ("value", "event", str(lane)): held["changes"],
            ("value", "backfill", str(lane)): held["imported"],
            ("value", "definition_edit", str(lane)): held["edited"],
        },
        "customers_tracked": {label: held["customers"]},
    }


def names(conditions: list[Condition]) -> list[str]:
    return [one.name for one in conditions]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ({}, []),
        ({"unaccounted": 1.0}, ["UnaccountedRecords"]),
        ({"unaccounted": -1.0}, ["UnaccountedRecords"]),
        ({"consumed": 1_200.0, "refused": 20.0}, ["RejectRatioHigh"]),
        ({"consumed": 1_020.0, "refused": 19.0}, []),
        ({"consumed": 2_000.0, "refused": 50.0}, []),
        ({"lag": 61.0}, ["LagGrowing"]),
        ({"changes": 101.0}, ["MoveStorm"]),
        ({"imported": 5_000.0}, []),
        ({"edited": 5_000.0}, []),
    ],
)
def test_figures_of_the_last_ten_minutes_are_judged(later: Mapping[str, float], expected: list[str]) -> None:
    conditions = Conditions()
    assert conditions.hold(samples(), {}, 0.0) == []
    assert names(conditions.hold(samples(0, **later), {}, 60.0)) == expected


def test_what_lies_more_than_ten_minutes_back_does_not_count() -> None:
    conditions = Conditions()
    for minute in range(30):
        # 20 of 500 customers a minute are 200 in ten minutes, a storm; 9 a minute are none.
        storm = conditions.hold(samples(changes=20.0 * minute), {}, 60.0 * minute)
    assert names(storm) == ["MoveStorm"]
    quiet = Conditions()
    for minute in range(60):
        assert quiet.hold(samples(changes=9.0 * minute), {}, 60.0 * minute) == []


def test_a_shop_that_only_opens_does_not_storm() -> None:
    conditions = Conditions()
    conditions.hold(samples(customers=99.0), {}, 0.0)
    assert conditions.hold(samples(customers=5_000.0, changes=10_000.0), {}, 60.0) == []


def test_a_stopped_lane_says_why() -> None:
    (condition,) = Conditions().hold(samples(3), {3: "1,000 records one after the other were refused"}, 0.0)
    assert (condition.name, condition.lane, condition.severity) == ("LaneStopped", 3, "critical")
    assert "1,000 records" in condition.summary


STOPPED = Condition("LaneStopped", 3, "critical", "lane 3 has stopped")
SLOW = Condition("LagGrowing", 3, "warning", "records wait", after=300.0)


def test_a_condition_is_raised_once_and_cleared_once() -> None:
    book = AlertBook()
    alerts: list[Alert] = []
    for second in range(0, 600, 2):
        holding = [STOPPED] if second < 300 and second % 20 < 16 else []
        alerts += book.news(holding, float(second), 1_700_000_000_000 + second * 1_000)
    assert [one.type for one in alerts] == ["alert.raised", "alert.cleared"]
    raised, cleared = alerts
    assert raised.since == cleared.since == raised.at
    assert cleared.at > 1_700_000_300_000
    assert raised.event_id != cleared.event_id
    assert Alert.model_validate_json(raised.model_dump_json()) == raised


def test_what_must_hold_for_a_while_is_raised_only_then() -> None:
    book = AlertBook()
    news = [(second, one.name) for second in range(0, 400, 10) for one in book.news([SLOW], float(second), second)]
    assert news == [(300, "LagGrowing")]
    book = AlertBook()
    assert [one for second in range(0, 2_000, 10) for one in book.news([SLOW] * (second % 200 < 100), second, 0)] == []


def test_what_another_owner_raised_is_not_raised_again_but_cleared() -> None:
    (raised,) = AlertBook().news([STOPPED], 0.0, 1_700_000_000_000)
    book = AlertBook()
    book.adopt([raised], 0.0)
    assert book.news([STOPPED], 2.0, 1_700_000_002_000) == []
    (cleared,) = book.news([], 70.0, 1_700_000_070_000)
    assert (cleared.type, cleared.since) == ("alert.cleared", raised.since)


def test_alerts_of_lanes_that_went_away_are_their_new_owners_to_clear() -> None:
    book = AlertBook()
    book.news([STOPPED], 0.0, 0)
    book.keep({1, 2})
    assert book.news([], 100.0, 0) == []


def test_each_alert_is_one_of_prometheus_and_has_its_page() -> None:
    rules = {
        rule["alert"]: rule["labels"]["severity"]
        for path in (ROOT / "prometheus" / "rules").glob("*.yml")
        for group in load_yaml(path)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    conditions = Conditions()
    conditions.hold(samples(), {}, 0.0)
    worst = samples(consumed=1_100.0, refused=90.0, unaccounted=1.0, lag=100.0, changes=400.0)
    found = conditions.hold(worst, {0: "x"}, 60.0)
    assert len(found) == 5
    for condition in found:
        assert rules[condition.name] == condition.severity
        assert (ROOT / condition.hint.removeprefix("see ")).is_file()


def test_an_alert_of_the_last_release_has_its_hint_under_the_name_of_then() -> None:
    text = (ROOT / "schemas/examples/outgoing/alert.raised.json").read_text(encoding="utf-8")
    now = Alert.model_validate_json(text)
    body = json.loads(text)
    assert now.hint == now.mend == body["hint"]
    del body["hint"]
    assert Alert.model_validate_json(json.dumps(body)) == now
