"""Test profiles, consents, feedback and outcomes in the core."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from heart_definitions import OWN
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, check_chain, event, order, view
from heart_models import jumpy
from heart_strategies import MOODS

from schemas.control import IMPORT_HEADER
from streamer.core.policy import Policy

ONE = replace(MOODS, lanes=1)


def consent(yes: bool, number: int, at: int, marketing: bool = True) -> bytes:
    return event("consent.updated", f"c{number}", "ann", at, personalization=yes, marketing=marketing, analytics=True)


def played(log: LogMaker, policy: Policy = ONE) -> Driver:
    driver = Driver(policy)
    driver.feed(log.records)
    check_chain(driver.changes)
    return driver


def test_a_profile_moves_a_customer_with_its_own_cause() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0, 60.0))
    log.event(event("profile.updated", "p", "ann", T0 + HOUR, traits={"birth_year": 1980}), now=T0 + HOUR)
    last = played(log).changes[-1]
    assert (last.segmentation, last.before, last.after, last.cause) == ("mood", "calm", "grown", "profile")
    assert last.automation_safe and [reason.feature for reason in last.reasons] == ["age_years"]


def test_traits_of_the_shops_own_move_customers_by_rules_that_name_them() -> None:
    cases: list[tuple[object, str, str, tuple[float | None, ...] | None]] = [
        (3, "rest", "small", (3.0,)),
        (12, "many", "large", (3.0, 12.0, 12.0)),
        (9.5, "many", "large", None),
        # Not a number, so it is unknown, and the band is the lowest.
        ("12", "unknown", "small", (9.5, None, 9.0)),
        (True, "rest", "small", (None, 1.0, None)),
        (None, "unknown", "small", (1.0, None, None)),
    ]
    log, driver = LogMaker(), Driver(ONE)
    log.definitions(2, OWN)
    driver.feed(log.records)
    moves = []
    for number, (value, own, sized, reason) in enumerate(cases):
        at, before = T0 + (number + 1) * HOUR, len(driver.changes)
        log.event(event("profile.updated", f"p{number}", "ann", at, traits={"custom": {"t0": value}}), now=at)
        driver.feed(log.records[-1:])
        assert (driver.segment("ann", "own"), driver.segment("ann", "sized")) == (own, sized)
        new = [one for one in driver.changes[before:] if one.segmentation == "own"]
        assert len(new) == (reason is not None)
        if number and new:
            [why] = new[0].reasons
            assert (why.feature, why.before, why.after, why.border) == ("custom.t0", *(reason or ()))
        moves += new
    assert {one.cause for one in moves} == {"profile"} and all(one.automation_safe for one in moves)
    assert moves[1].features["custom.t0"] == 12.0 and "custom.t0" not in moves[-1].features
    log.event(event("profile.updated", "w", "ann", T0 + DAY, traits={"custom": {"t0": 1, "t1": "big"}}), now=T0 + DAY)
    driver.feed(log.records[-1:])
    assert driver.segment("ann", "own") == "big"
    assert {one.feature: (one.before, one.after, one.border) for one in driver.changes[-1].reasons} == {
        "custom.t0": (None, 1.0, None),
        "custom.t1": (None, "big", "big, true"),
    }


def test_a_late_profile_and_one_of_an_import_are_not_live() -> None:
    for header, cause in (([], "late"), ([(IMPORT_HEADER, b"i")], "backfill")):
        log = LogMaker()
        log.event(view("v", "ann", T0 + HOUR), now=T0 + HOUR)
        log.put(b"ann", event("profile.updated", "p", "ann", T0, traits={"birth_year": 1980}), header)
        last = played(log).changes[-1]
        assert (last.cause, last.automation_safe) == (cause, False)


def test_somebody_whose_first_event_is_a_profile_is_a_customer() -> None:
    log = LogMaker()
    log.event(event("profile.updated", "p", "ann", T0, traits={"birth_year": 1980}))
    driver = played(log)
    assert driver.state.ledger.customers == 1
    assert (driver.segment("ann"), driver.segment("ann", "mood")) == ("prospect", "grown")


def test_feedback_and_outcomes_move_by_themselves_and_time_moves_back() -> None:
    log = LogMaker()
    for number in range(2):
        log.event(event("feedback.submitted", f"f{number}", "ann", T0 + number, kind="complaint"), now=T0 + number)
    log.event(
        event("message.outcome", "m", "ann", T0 + 2, message_id="m", change_event_id="x", outcome="sent"), now=T0 + 2
    )
    driver = played(log)
    assert driver.story("ann", "mood") == [("calm", T0), ("angry", T0 + 1)]
    driver.tick(T0 + 100 * DAY)
    story = driver.story("ann", "mood")
    # Two complaints decay to half of one in two half-lives; the message has decayed by then as well.
    assert [segment for segment, _ in story] == ["calm", "angry", "calm"]
    assert abs(story[-1][1] - (T0 + 50 * DAY)) < 2_000
    assert {change.cause for change in driver.changes} == {"event", "time"}


def test_without_consent_memberships_end_and_nothing_is_kept() -> None:
    log = LogMaker()
    log.model(jumpy(1))
    log.event(order("o", "ann", T0 + 2 * DAY, 60.0), now=T0 + 2 * DAY)
    log.event(event("profile.updated", "p", "ann", T0 + 2 * DAY, traits={"birth_year": 1980}))
    log.event(view("v", "ann", T0 + 5 * DAY), now=T0 + 5 * DAY)
    log.event(consent(False, 1, T0 + 5 * DAY))
    driver = played(log)
    ends = [change for change in driver.changes if change.after is None]
    assert [change.segmentation for change in ends] == ["behaviour", "lifecycle", "mood", "value"]
    assert {(change.cause, change.automation_safe) for change in ends} == {("consent", False)}
    assert driver.state.ledger.sizes == {"behaviour": {}, "lifecycle": {}, "mood": {}, "value": {}}
    ann = driver.customer("ann")
    assert (ann.row, ann.due, ann.segments, ann.statistics.orders, ann.statistics.spend_weight, ann.book.orders) == (
        -1,
        None,
        {},
        0,
        0.0,
        [],
    )
    assert ann.profile is not None and ann.profile.shown_traits() == {}
    # Neither events nor time restore anything, and repeats are still repeats.
    log.event(order("o2", "ann", T0 + 6 * DAY, 60.0), now=T0 + 6 * DAY)
    log.event(order("o", "ann", T0 + 2 * DAY, 60.0))
    driver.feed(log.records[-2:])
    count = len(driver.changes)
    driver.tick(T0 + 400 * DAY)
    assert len(driver.changes) == count and driver.customer("ann").statistics.orders == 0
    assert (driver.state.ledger.duplicates, driver.state.ledger.applied) == (1, 5)


def test_consent_given_again_starts_anew() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0, 600.0))
    log.event(consent(False, 1, T0 + DAY), now=T0 + DAY)
    log.event(consent(True, 2, T0 + 2 * DAY), now=T0 + 2 * DAY)
    # Earlier events do not count, even if they arrive only now.
    log.event(order("o1", "ann", T0 + DAY + HOUR, 600.0))
    log.event(order("o2", "ann", T0 + 3 * DAY, 60.0), now=T0 + 3 * DAY)
    driver = played(log)
    assert [(c.segmentation, c.before, c.after, c.cause) for c in driver.changes[-5:]] == [
        ("value", None, "low", "consent"),
        ("lifecycle", None, "prospect", "consent"),
        ("mood", None, "calm", "consent"),
        ("value", "low", "medium", "event"),
        ("lifecycle", "prospect", "new", "event"),
    ]
    ann = driver.customer("ann")
    assert (ann.statistics.orders, ann.statistics.spend, ann.first_seen) == (1, 6_000, T0 + 2 * DAY)


def test_of_consents_the_latest_counts_whatever_came_last() -> None:
    consents = [(True, 1, T0), (False, 2, T0 + 1), (True, 3, T0 + 2), (False, 4, T0 + 3)]
    for some in permutations(consents):
        log = LogMaker(now=T0 + DAY)
        for yes, number, at in some:
            log.event(consent(yes, number, at))
        assert played(log).customer("ann").segments == {}


def test_nobody_is_in_a_segment_before_consent_where_that_is_the_default() -> None:
    log = LogMaker()
    log.event(order("o", "ann", T0, 60.0))
    log.event(consent(True, 1, T0 + DAY), now=T0 + DAY)
    driver = Driver(replace(ONE, consent_default=False))
    driver.feed(log.records[:1])
    assert driver.changes == [] and driver.customer("ann").statistics.orders == 0
    driver.feed(log.records[1:])
    assert driver.segment("ann") == "prospect" and driver.customer("ann").seq == 3


def test_marketing_consent_is_a_feature() -> None:
    log = LogMaker()
    log.event(event("profile.updated", "p", "ann", T0, traits={"birth_year": 1980}))
    log.event(consent(True, 1, T0 + 1, marketing=False), now=T0 + 1)
    last = played(log).changes[-1]
    assert (last.segmentation, last.after, last.cause) == ("mood", "calm", "consent")


def test_the_owner_forgets_who_withdraws_and_meets_who_comes_again() -> None:
    driver = Driver(ONE)
    log = LogMaker()

    def panel_rows() -> list[tuple[str, bool]]:
        return [(row.customer, bool(row.blob)) for row in driver.feed(log.records[-1:]).panel]

    log.event(order("o", "ann", T0, 60.0))
    assert panel_rows() == [("ann", True)]
    log.event(consent(False, 1, T0 + 1), now=T0 + 1)
    assert panel_rows() == [("ann", False)]
    log.event(consent(True, 2, T0 + 2), now=T0 + 2)
    assert panel_rows() == [("ann", True)]
