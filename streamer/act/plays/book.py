"""Represent plays, limits and channels as validated values. A `Book` is one version of the whole file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from models.customer.customer import Customer
from models.features.context import FeatureContext as Units
from models.features.features import LABELS, MISSING, feature_of, label_of
from models.features.traits import is_own_trait
from models.rules.compiling import Predicate
from models.rules.conditions import Compare, Condition, leaves, predicate
from streamer.act.plays.channel_kinds import KINDS, ChannelKind
from streamer.act.plays.coupon_rule import CouponRule
from streamer.act.plays.spans import Rate, Storm, Window
from streamer.act.plays.weekly import Weekly

Kind = Literal["marketing", "service"]
Segments = Mapping[str, frozenset[str] | None]
"""Segments by segmentation; None if any id is allowed."""
WhenInDoubt = Literal["skip", "resend"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """The changes that trigger a play; None allows any. A ``weekly`` play reacts to an hour of the week instead."""

    segmentation: str
    to: frozenset[str] | None = None
    source: frozenset[str] | None = None
    cause: frozenset[str] | None = None
    weekly: Weekly | None = None


@dataclass(frozen=True)
class Question:
    """A condition on a customer, with the names it uses."""

    text: str
    condition: Condition

    @cached_property
    def _ready(self) -> Predicate:
        return predicate(self.condition, held=False)

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        numbers = {leaf.feature for leaf in leaves(self.condition) if isinstance(leaf, Compare)}
        words = {leaf.segmentation for leaf in leaves(self.condition) if not isinstance(leaf, Compare)}
        return frozenset(numbers), frozenset(words)

    @property
    def segmentations(self) -> frozenset[str]:
        """Segmentations that the condition uses."""
        return frozenset(name for name in self._names[1] if name not in LABELS and not is_own_trait(name))

    def judge(self, customer: Customer, at: int, units: Units) -> tuple[bool, dict[str, Any]]:
        """Return whether the condition holds at ``at`` (ms), and the values it used by name."""
        numbers, names = self._names
        values = {name: feature_of(name).value(customer, at, units) for name in numbers}
        words = {name: _word(customer, name) for name in names}
        holds = self._ready(values, words)
        known = {name: value if value == value else None for name, value in values.items()}
        return holds, {**known, **words}


def _word(customer: Customer, name: str) -> str:
    if name in LABELS or is_own_trait(name):
        return label_of(name).value(customer) or MISSING
    held = customer.segments.get(name)
    return MISSING if held is None else held.segment


USUAL_EXPIRES: Final = 3 * 86_400_000


@dataclass(frozen=True, slots=True)
class Play:
    """One play; ``docs/plays.md`` explains each key. Durations are in ms.

    Attributes
    ----------
    condition
        ``if``: evaluated when the change happens and again when the message is sent.
    quiet
        Whether quiet hours apply to the play.
    measure, report_on
        Time after a customer's turn in which orders count, and the instant (ms) of the single final look, if given.
    stop_if
        Shares of ``unsubscribed`` and ``complained`` that pause the play.
    coupon
        Source of each message's code; None for messages without codes.
    """

    name: str
    when: Trigger
    channel: str
    again: int
    kind: Kind = "marketing"
    list: str = "offers"
    template: str = ""
    condition: Question | None = None
    wait: int = 0
    still: bool = False
    unless: Question | None = None
    expires: int = USUAL_EXPIRES
    holdout: float = 0.2
    budget: int | None = None
    priority: int = 0
    quiet: bool = True
    when_in_doubt: WhenInDoubt = "skip"
    only_safe: bool = True
    measure: int | None = None
    report_on: int | None = None
    stop_if: Mapping[str, float] = field(default_factory=dict)
    coupon: CouponRule | None = None


@dataclass(frozen=True, slots=True)
class Shop:
    """The sender: name and postal address for marketing mail, the address of ``streamer web``, and the shop's site."""

    name: str = ""
    address: str = ""
    web: str = ""
    site: str = ""


ONE_A_DAY, THREE_A_WEEK = Rate(1, 86_400_000), Rate(3, 7 * 86_400_000)
NIGHT = Window(21 * 60, 8 * 60)
USUAL_STORM = Storm(0.05, 3_600_000)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits over all marketing plays, in the customer's local days. Durations are in ms."""

    per_customer: tuple[Rate, ...] = (ONE_A_DAY, THREE_A_WEEK)
    quiet: Window | None = NIGHT
    holdout: float = 0.0
    storm: Storm = USUAL_STORM


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: its kind, its rates, and the options of that kind."""

    name: str
    kind: str
    rates: tuple[Rate, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def how(self) -> ChannelKind:
        """Description of the channel's kind."""
        return KINDS[self.kind]

    @property
    def reaches_owner(self) -> bool:
        """Whether its messages are texts sent only to the shop owner."""
        return "text" in self.how.parts and (not self.how.trait or "to" in self.options)

    @property
    def keyed(self) -> bool:
        """Whether the receiver drops duplicates of a message id."""
        return self.how.drops_repeats or self.how.key_option in self.options


@dataclass(frozen=True)
class Book:
    """One version of the file, with its templates by file name and the segments that existed then."""

    version: int
    shop: Shop
    limits: Limits
    channels: Mapping[str, Channel]
    plays: Mapping[str, Play]
    templates: Mapping[str, str]
    segments: Segments
    text: str = ""
    source: str = "plays.toml"

    @cached_property
    def languages(self) -> Mapping[str, frozenset[str]]:
        """Languages available for each template, by its name."""
        found: dict[str, set[str]] = {}
        for file in self.templates:
            template, _, rest = file.partition(".")
            found.setdefault(template, set()).add(rest.partition(".")[0])
        return {template: frozenset(languages) for template, languages in found.items()}
