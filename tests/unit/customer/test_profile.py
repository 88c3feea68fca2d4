from __future__ import annotations

from itertools import permutations
from math import isnan
from typing import Any

import pytest
from heart_logs import DAY, T0, event
from hypothesis import given
from hypothesis import strategies as st

from models.customer.customer import Customer
from models.customer.decay import weight
from models.customer.profile import (
    EVERY_LIST,
    MAX_CUSTOM,
    MAX_LISTS,
    Consent,
    Profile,
    Subscription,
    Trait,
    may_be_approached,
    missing_consent,
)
from models.customer.snapshot import dump, load
from models.features.features import FEATURES, FeatureContext, feature_of, label_of
from models.features.traits import text_trait
from schemas.codec import decode
from schemas.events import ProfileUpdated
from schemas.wire_time import epoch_ms

SHOP = FeatureContext()


def merged(*updates: tuple[int, dict[str, object]]) -> Profile:
    """Return traits of events at instants, in the given order."""
    stored = Profile()
    for at, traits in updates:
        stored.merge_traits(traits, at, b"%d" % at)
    return stored


def someone(stored: Profile) -> Customer:
    customer = Customer("ann", (0, 0), T0)
    customer.profile = stored
    return customer


def value(name: str, stored: Profile, at: int = T0) -> float:
    return FEATURES[name].value(someone(stored), at, SHOP)


def test_traits_merge_field_by_field_and_null_removes() -> None:
    stored = merged((1, {"city": "Bonn", "income": 5.0}), (2, {"city": "Kiel"}), (3, {"income": None}))
    assert stored.shown_traits() == {"city": "Kiel"}
    stored = merged((1, {"custom": {"a": 1, "b": "x"}}), (2, {"custom": {"a": None}}))
    assert stored.shown_traits() == {"custom.b": "x"}
    assert merged((1, {"custom": {"a": 1}}), (2, {"custom": None})).shown_traits() == {}


UPDATES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.fixed_dictionaries(
            {},
            optional={
                "city": st.sampled_from([None, "Bonn", "Kiel"]),
                "custom": st.one_of(
                    st.none(),
                    st.dictionaries(st.sampled_from("ab"), st.sampled_from([None, 1, "x"])),
                ),
            },
        ),
    ),
    max_size=5,
    unique_by=lambda update: update[0],
)


@given(UPDATES)
def test_traits_do_not_depend_on_the_order_of_arrival(updates: list[tuple[int, dict[str, object]]]) -> None:
    shown = [merged(*order).shown_traits() for order in permutations(updates)]
    assert all(one == shown[0] for one in shown)


def test_a_shop_has_at_most_a_hundred_traits_of_its_own_and_the_newest_stay() -> None:
    updates: list[tuple[int, dict[str, object]]] = [(at, {"custom": {f"t{at}": at}}) for at in range(1, 151)]
    for order in (updates, updates[::-1]):
        names = merged(*order).shown_traits()
        assert len(names) == MAX_CUSTOM and "custom.t150" in names and "custom.t50" not in names


def test_features_of_traits_by_hand() -> None:
    signed = {"birth_year": 1995, "signup_at": T0 - 10 * DAY, "income": 40_000.0, "marketing_opt_in": False}
    stored = merged((1, signed | {"country": "DE", "custom": {"size": 42, "vip": True}}))
    assert value("age_years", stored, epoch_ms("2025-12-31T23:59:59Z")) == 30
    assert value("age_years", stored, epoch_ms("2026-01-01T00:00:00Z")) == 31
    assert value("signup_days", stored) == 10
    assert (value("income", stored), value("marketing_opt_in", stored)) == (40_000, 0)
    ann = someone(stored)
    assert [text_trait(ann, name) for name in ("country", "custom.size", "custom.vip", "city")] == [
        "DE",
        "42",
        "true",
        None,
    ]
    crossing = FEATURES["age_years"].crossing
    assert crossing is not None and crossing(ann, 30.5, SHOP) == epoch_ms("2026-01-01T00:00:00Z")


def test_satisfaction_is_the_decayed_mean_of_shares_of_each_scale() -> None:
    stored = Profile()
    assert isnan(value("satisfaction", stored)) and value("ratings", stored) == 0
    stored.rate("nps", 10.0, weight(T0, SHOP.half_life))
    stored.rate("review", 2.5, weight(T0 + 25 * DAY, SHOP.half_life))
    assert value("satisfaction", stored) == pytest.approx((1.0 + 2 * 0.5) / 3)
    stored = Profile()
    stored.rate("csat", 80.0, weight(T0, SHOP.half_life))
    assert value("satisfaction", stored) == pytest.approx(0.8)
    assert value("csat_rating", stored) == pytest.approx(80.0)
    # So long ago that its weight is no longer a double.
    stored = Profile()
    stored.rate("nps", 3.0, weight(epoch_ms("1900-01-01T00:00:00Z"), SHOP.half_life))
    assert isnan(value("satisfaction", stored)) and value("ratings", stored) == 1


def test_complaints_and_outcomes_are_counted_and_fade() -> None:
    stored = Profile()
    stored.rate("complaint", None, weight(T0, SHOP.half_life))
    stored.count_outcome("unsubscribed", weight(T0, SHOP.half_life))
    stored.count_outcome("opened", weight(T0, SHOP.half_life))
    late = T0 + 25 * DAY
    assert value("complaints", stored, late) == 1 and value("complaints_decayed", stored, late) == pytest.approx(0.5)
    assert value("unsubscribes", stored) == 1 and value("messages_sent", stored) == 0
    assert value("messages_opened_decayed", stored, late) == pytest.approx(0.5)


def test_of_a_subscription_the_latest_word_counts_whatever_arrives_first() -> None:
    stored = Profile()
    stored.subscribe("offers", Subscription(False, T0 + 2, b"b"))
    stored.subscribe("offers", Subscription(True, T0 + 1, b"c"))
    stored.subscribe("news", Subscription(True, T0, b"a"))
    assert not stored.subscriptions["offers"].subscribed and value("unsubscribed_lists", stored) == 1
    stored.subscribe("offers", Subscription(True, T0 + 2, b"c"))
    assert stored.subscriptions["offers"].subscribed and value("unsubscribed_lists", stored) == 0
    for number in range(MAX_LISTS):
        stored.subscribe(f"list{number}", Subscription(False, T0 + 10 + number, b"d"))
    assert len(stored.subscriptions) == MAX_LISTS and "news" not in stored.subscriptions


def test_counts_of_outcomes_that_an_older_version_wrote_are_read_counted_on_and_merged() -> None:
    old = Profile(outcomes=[1, 0, 2, 0, 0, 3], outcome_weights=[1.0, 0.0, 2.0, 0.0, 0.0, 3.0])
    assert value("unsubscribes", old) == 3 and value("messages_sent", old) == 1
    new = Profile()
    new.count_outcome("complained", 5.0)
    new.subscribe("offers", Subscription(False, T0, b""))
    old.merge(new)
    assert old.outcomes == [1, 0, 2, 0, 0, 3, 0, 1, 0] and old.outcome_weights[7] == 5.0
    assert not old.subscriptions["offers"].subscribed
    older = Profile(outcomes=[1, 0, 2, 0, 0, 3], outcome_weights=[1.0, 0.0, 2.0, 0.0, 0.0, 3.0])
    older.count_outcome("bounced", 1.0)
    assert older.outcomes == [1, 0, 2, 0, 0, 3, 1, 0, 0]


def test_what_is_known_about_a_customer_comes_back_from_its_part_and_old_states_have_none() -> None:
    stored = merged((1, {"city": "Bonn", "custom": {"a": 1.5, "b": True}}))
    stored.consent = Consent(True, False, True, 7, b"12345678")
    stored.since = 7
    stored.rate("nps", 7.0, 1.0)
    stored.count_outcome("sent", 2.0)
    ann = someone(stored)
    ann.profile_dirty = True
    parts = dump(ann, b"")
    again, behaviour = load("ann", parts)
    assert (again.profile, behaviour) == (stored, b"")
    assert "a" not in dump(ann, b"")
    assert load("ann", {"": parts[""]})[0].profile is None


@pytest.mark.parametrize(
    "digits", ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "1" + "0" * 300]
)
def test_any_whole_number_that_is_taken_can_be_written(digits: str) -> None:
    body = event("profile.updated", "e", "ann", T0, traits={"custom": {"n": "N"}}).replace(b'"N"', digits.encode())
    profile = decode(b"ann", body)
    assert isinstance(profile, ProfileUpdated)
    stored = Profile()
    stored.merge_traits(profile.traits, T0, b"e")
    ann = someone(stored)
    ann.profile_dirty = True
    again = load("ann", dump(ann, b""))[0]
    assert feature_of("custom.n").value(again, T0, SHOP) == float(digits)


@pytest.mark.parametrize(
    ("value", "number", "word"),
    [
        (3, 3.0, None),
        (2.5, 2.5, None),
        (True, 1.0, "true"),
        (False, 0.0, "false"),
        ("dry", None, "dry"),
        ("3", None, "3"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_an_own_trait_of_the_other_kind_is_not_known(value: Any, number: float | None, word: str | None) -> None:
    ann = someone(merged((1, {"custom": {"t": value}})))
    found = feature_of("custom.t").value(ann, T0, SHOP)
    assert (None if isnan(found) else found) == number
    assert (label_of("custom.t").value(ann) or None) == word
    known = label_of("custom.t", as_word=False).value(ann)
    assert bool(known) == (value not in (None, ""))


def test_who_has_no_own_traits_and_names_of_nothing() -> None:
    nobody = Customer("ann", (0, 0), T0)
    assert isnan(feature_of("custom.t").value(nobody, T0, SHOP)) and label_of("custom.t").value(nobody) is None
    for name in ("custom.", "custom", "nothing"):
        with pytest.raises(KeyError):
            feature_of(name)
        with pytest.raises(KeyError):
            label_of(name)


def test_offers_need_consent_to_them_and_no_farewell_to_all_lists() -> None:
    def consent(personalization: bool, marketing: bool) -> Consent:
        return Consent(personalization, marketing, True, T0, b"")

    cases: list[tuple[Profile | None, bool, str | None]] = [
        (None, True, None),
        (None, False, "marketing"),
        (Profile(), False, "marketing"),
        (Profile(consent=consent(True, True)), False, None),
        (Profile(consent=consent(True, False)), True, "marketing"),
        (Profile(consent=consent(False, True)), True, "personalization"),
        (Profile(traits={"marketing_opt_in": Trait(False, T0, b"")}, consent=consent(True, True)), True, "marketing"),
    ]
    for profile, default, missing in cases:
        assert missing_consent(profile, default) == missing
        assert may_be_approached(profile, default) == (missing is None)
    left, back = (Profile(subscriptions={EVERY_LIST: Subscription(one, T0, b"")}) for one in (False, True))
    assert missing_consent(left, True) is None and not may_be_approached(left, True) and may_be_approached(back, True)
    assert may_be_approached(Profile(subscriptions={"news": Subscription(False, T0, b"")}), True)
