"""Test that features of customers without a profile equal those that the features themselves yield."""

from __future__ import annotations

from dataclasses import replace

from models.customer.customer import Customer
from models.customer.profile import Profile
from models.features.context import FeatureContext
from models.features.features import FEATURES
from models.features.predicted import PREDICTED
from models.features.time import DAY_MS
from streamer.web.api.customers import features_of


def test_features_without_a_profile_are_those_of_the_table_in_its_order() -> None:
    customer, shop = Customer("ann", (0, 0), 1_700_000_000_000), FeatureContext()
    customer.interact(0, "tea", 1_700_000_000_000, shop.half_life)
    for at in (1_700_000_000_000, 1_700_000_000_001, 1_730_000_000_000):
        for profile in (None, Profile()):
            for context in (shop, replace(shop, minor_per_major=1, half_life=20.0 * DAY_MS)):
                customer.profile = profile
                found = features_of(customer, at, context)
                wanted = {n: one.value(customer, at, context) for n, one in FEATURES.items() if n not in PREDICTED}
                # NaN equals nothing, including itself.
                assert repr(list(found.items())) == repr(list(wanted.items()))
