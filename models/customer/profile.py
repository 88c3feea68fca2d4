"""The profile of a customer: traits, consent, feedback and message outcomes; orders and interactions are elsewhere.

Few customers have one: ``Customer.profile`` is None for the rest. The state does not depend on the order of arrival:
the latest trait or consent by ``occurred_at`` wins, and feedback and outcomes are sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T", int, float)
TraitValue = str | int | float | bool | None

CUSTOM = "custom."
"""Prefix of the names of a shop's own traits."""
MAX_CUSTOM = 100
MAX_LISTS = 100
EVERY_LIST: Final = "*"
"""The list name that means all marketing."""
OUTCOMES = (
    "sent",
    "delivered",
    "opened",
    "clicked",
    "converted",
    "unsubscribed",
    "bounced",
    "complained",
    "failed",
)
"""Counts are stored in this order: append new outcomes."""
OUTCOME_INDEX = {name: index for index, name in enumerate(OUTCOMES)}

_ALL_CUSTOM = "custom"


class Trait(msgspec.Struct, array_like=True):
    """A trait's value (None is a removal), the instant (ms) and the digest of the event that set it."""

    value: TraitValue
    at: int
    by: bytes


class Consent(msgspec.Struct, array_like=True):
    """A customer's consent, by the latest event; ``by`` is the digest of that event."""

    personalization: bool
    marketing: bool
    analytics: bool
    at: int
    by: bytes


class Subscription(msgspec.Struct, array_like=True):
    """A subscription to a list or its end, with the instant (ms) and the digest of the event that set it."""

    subscribed: bool
    at: int
    by: bytes


class Rated(msgspec.Struct, array_like=True):
    """Ratings of one kind: count, sum of forward-decayed weights, and sum of weight times rating."""

    count: int = 0
    weight: float = 0.0
    rated: float = 0.0


class Counted(msgspec.Struct, array_like=True, frozen=True):
    """The number of events of one name, and the latest instant (ms)."""

    count: int
    last: int


class Profile(msgspec.Struct, array_like=True):
    """Traits, consent, feedback and message outcomes; encoded by position, so append new fields, with a default.

    Attributes
    ----------
    traits
        By name, including removed ones: an event older than a removal may arrive after it.
    consent
        None without a consent event; the shop's default then applies.
    since
        Events before this instant (ms) are not folded: consent began anew then.
    ratings
        By kind of feedback.
    complaints, complaint_weight
        Lifetime count, and forward-decayed count.
    erased
        Everything up to this instant (ms) was erased; the customer counts as new.
    aliases
        Other ids of the same customer, sorted.
    alias
        The customer this id belongs to; the state then holds nothing else.
    outcomes, outcome_weights
        Lifetime counts and forward-decayed counts, in the order of ``OUTCOMES``; empty for none.
    tracked
        Count and latest instant of the shop's own events, by name.
    subscriptions
        By list, at most ``MAX_LISTS``; only lists with an event.
    """

    traits: dict[str, Trait] = {}
    consent: Consent | None = None
    since: int | None = None
    ratings: dict[str, Rated] = {}
    complaints: int = 0
    complaint_weight: float = 0.0
    outcomes: list[int] = []
    outcome_weights: list[float] = []
    erased: int | None = None
    aliases: list[str] = []
    alias: str | None = None
    subscriptions: dict[str, Subscription] = {}
    tracked: dict[str, Counted] = {}

    # -- traits -----------------------------------------------------------------------------------------------

    def merge_traits(self, traits: Mapping[str, Any], at: int, by: bytes) -> None:
        """Merge an event's traits field by field: null removes a trait, an absent field leaves it unchanged."""
        for name, value in flat(traits):
            self.merge_trait(name, Trait(value, at, by))

    def merge_trait(self, name: str, new: Trait) -> None:
        """Set one trait unless a later value is known; at the same instant the larger digest wins."""
        known = self.traits.get(name)
        if known is None or (known.at, known.by) < (new.at, new.by):
            self.traits[name] = new
        if name.startswith(CUSTOM):
            self._bound()

    def _bound(self) -> None:
        """Drop the oldest of a shop's own traits beyond the limit."""
        own = [name for name in self.traits if name.startswith(CUSTOM)]
        if len(own) > MAX_CUSTOM:
            own.sort(key=lambda name: (self.traits[name].at, name))
            for name in own[: len(own) - MAX_CUSTOM]:
                del self.traits[name]

    def trait(self, name: str) -> TraitValue:
        """Return the current value of a trait, or None. A shop's own traits are named ``custom.NAME``."""
        held = self.traits.get(name)
        if held is None:
            return None
        if name.startswith(CUSTOM) and (emptied := self.traits.get(_ALL_CUSTOM)) is not None:
            return held.value if (held.at, held.by) >= (emptied.at, emptied.by) else None
        return held.value

    def shown_traits(self) -> dict[str, TraitValue]:
        """Return all traits that have a value, by name."""
        found = {name: self.trait(name) for name in sorted(self.traits) if name != _ALL_CUSTOM}
        return {name: value for name, value in found.items() if value is not None}

    # -- feedback and outcomes --------------------------------------------------------------------------------

    def rate(self, kind: str, rating: float | None, faded: float) -> None:
        """Add one feedback; ``faded`` is the forward-decayed weight of its instant."""
        if kind == "complaint":
            self.complaints += 1
            self.complaint_weight += faded
        if rating is not None:
            rated = self.ratings.setdefault(kind, Rated())
            rated.count += 1
            rated.weight += faded
            rated.rated += faded * rating

    def count_outcome(self, outcome: str, faded: float) -> None:
        """Add one outcome of a message."""
        self.outcomes = padded(self.outcomes, 0)
        self.outcome_weights = padded(self.outcome_weights, 0.0)
        index = OUTCOME_INDEX[outcome]
        self.outcomes[index] += 1
        self.outcome_weights[index] += faded

    def subscribe(self, name: str, new: Subscription) -> None:
        """Set a subscription to a list unless a later one is known."""
        known = self.subscriptions.get(name)
        if known is None or (known.at, known.by) < (new.at, new.by):
            self.subscriptions[name] = new
        if len(self.subscriptions) > MAX_LISTS:
            oldest = min(self.subscriptions, key=lambda one: (self.subscriptions[one].at, one))
            del self.subscriptions[oldest]

    @property
    def has_sums(self) -> bool:
        """Whether the profile holds any decayed sum."""
        return bool(self.ratings or self.complaint_weight or self.outcome_weights)

    def fade(self, factor: float) -> None:
        """Multiply all decayed sums by a factor."""
        for rated in self.ratings.values():
            rated.weight *= factor
            rated.rated *= factor
        self.complaint_weight *= factor
        self.outcome_weights = [weight * factor for weight in self.outcome_weights]

    def track(self, name: str, at: int) -> None:
        """Count one custom event of the shop at ``at`` (ms)."""
        known = self.tracked.get(name)
        self.tracked[name] = Counted(1, at) if known is None else Counted(known.count + 1, max(known.last, at))

    def leaves_out(self, at: int) -> bool:
        """Return whether an event at ``at`` (ms) must not be folded."""
        return self.since is not None and at < self.since

    def was_erased(self, at: int) -> bool:
        """Return whether an event at ``at`` (ms) was erased before the customer came back."""
        return self.erased is not None and at <= self.erased

    def merge(self, other: Profile) -> None:
        """Add the traits, feedback, outcomes and subscriptions of another id of the same customer."""
        for name, trait in other.traits.items():
            self.merge_trait(name, trait)
        for kind, more in other.ratings.items():
            rated = self.ratings.setdefault(kind, Rated())
            rated.count += more.count
            rated.weight += more.weight
            rated.rated += more.rated
        self.complaints += other.complaints
        self.complaint_weight += other.complaint_weight
        if other.outcomes:
            counts = zip(padded(self.outcomes, 0), padded(other.outcomes, 0), strict=True)
            weights = zip(padded(self.outcome_weights, 0.0), padded(other.outcome_weights, 0.0), strict=True)
            self.outcomes = [a + b for a, b in counts]
            self.outcome_weights = [a + b for a, b in weights]
        for name, subscription in other.subscriptions.items():
            self.subscribe(name, subscription)
        for name, counted in other.tracked.items():
            known = self.tracked.get(name, Counted(0, counted.last))
            self.tracked[name] = Counted(known.count + counted.count, max(known.last, counted.last))

    def forget(self) -> None:
        """Drop everything features are computed from; consent, its start and subscriptions stay."""
        self.traits = {}
        self.ratings = {}
        self.complaints, self.complaint_weight = 0, 0.0
        self.outcomes, self.outcome_weights = [], []
        self.tracked = {}


def may_be_approached(profile: Profile | None, default: bool) -> bool:
    """Return whether offers are allowed: consent is given (`missing_consent`) and some list is still subscribed."""
    every = None if profile is None else profile.subscriptions.get(EVERY_LIST)
    return missing_consent(profile, default) is None and (every is None or every.subscribed)


def missing_consent(profile: Profile | None, default: bool) -> str | None:
    """Return the consent that an offer to the customer lacks, ``marketing`` or ``personalization``, or None.

    Offers need ``personalization`` because the customer's behaviour selects them.

    Parameters
    ----------
    default
        The consent assumed for customers without a consent record.
    """
    if profile is not None and profile.trait("marketing_opt_in") is False:
        return "marketing"
    if profile is None or profile.consent is None:
        return None if default else "marketing"
    if not profile.consent.marketing:
        return "marketing"
    return None if profile.consent.personalization else "personalization"


def padded(counts: list[T], zero: T) -> list[T]:
    """Pad a list of counts to the length of ``OUTCOMES``: older states have fewer.

    >>> padded([2, 1], 0)
    [2, 1, 0, 0, 0, 0, 0, 0, 0]
    """
    return counts if len(counts) == len(OUTCOMES) else counts + [zero] * (len(OUTCOMES) - len(counts))


def flat(traits: Mapping[str, Any]) -> Iterator[tuple[str, TraitValue]]:
    """Yield an event's traits by name: a shop's own as ``custom.NAME``, and ``custom`` itself if it is null."""
    for name, value in traits.items():
        if name != _ALL_CUSTOM:
            yield name, value
        elif value is None:
            yield name, None
        else:
            for own, inner in value.items():
                yield CUSTOM + own, inner
