"""Evaluates the facts of a customer that the definitions in force need."""

from __future__ import annotations

from models.customer.customer import Customer
from models.features.features import MISSING, FeatureContext, feature_of, label_of
from models.rules.compiling import values_of
from models.rules.definitions import Definitions
from models.rules.facts import Facts


def facts(customer: Customer, at: int, definitions: Definitions, shop: FeatureContext) -> Facts:
    """Return the facts that the rules of ``definitions`` may read, at the instant ``at`` (ms)."""
    segments = {name: membership.segment for name, membership in customer.segments.items()}
    ready = definitions.ready
    if "values" not in ready:
        ready["labels"] = [label_of(name, name in definitions.compared_words) for name in definitions.labels]
        ready["values"] = values_of({name: feature_of(name).value for name in definitions.features})
    for label in ready["labels"]:
        segments[label.name] = label.value(customer) or MISSING
    values = ready["values"]
    return Facts(values(customer, at, shop), segments)


def moved_by_interactions(definitions: Definitions) -> bool:
    """Return whether an interaction may change a fact that the rules of ``definitions`` read."""
    ready = definitions.ready
    if "moved_by_interactions" not in ready:
        features = (feature_of(name).moved_by_interactions for name in definitions.features)
        labels = (label_of(name).moved_by_interactions for name in definitions.labels)
        ready["moved_by_interactions"] = any(features) or any(labels)
    return bool(ready["moved_by_interactions"])
