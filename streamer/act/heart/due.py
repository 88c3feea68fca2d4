"""Decide on a due message: run the gates in order; each reports the values it used.

Everything is evaluated at the time of sending, on the customer's current state. The holdout is drawn last, so that both
arms have passed the same gates and use up the same caps, cooldown and budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.customer.customer import Customer
from models.customer.profile import EVERY_LIST, missing_consent
from models.features.context import FeatureContext as Units
from models.features.traits import text_trait
from streamer.act.heart import rates
from streamer.act.heart.address import Addresses
from streamer.act.heart.holdout import ALL, draw
from streamer.act.heart.local import day_of, next_day, quiet_until, zone
from streamer.act.heart.people import KEPT_DAYS, Person
from streamer.act.heart.state import FIRST, Message, PlayState, State
from streamer.act.plays.book import Book, Channel, Play
from streamer.act.plays.spans import UNITS

_DAY = UNITS["day"]


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop the message."""

    gate: str
    seen: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Re-evaluate at ``until`` (ms)."""

    until: int
    gate: str


@dataclass(frozen=True, slots=True)
class Withhold:
    """All gates passed, but the customer is held out."""

    arm: str


@dataclass(frozen=True, slots=True)
class Send:
    """All gates passed. ``address`` is empty if the channel needs none."""

    address: str


Verdict = Drop | Wait | Withhold | Send

LASTING: Final = frozenset({"looked", "quiet", "budget", "approve"})
"""Gates whose waits are stored. Other waits are short, and a restart may re-evaluate at once."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that the gates depend on in addition to the state.

    Attributes
    ----------
    timezone
        The shop's time zone, for budgets and for customers whose time zone is unknown.
    consent_default
        Consent assumed for customers without a consent record.
    """

    units: Units
    timezone: str
    consent_default: bool
    addresses: Addresses
    under_way: int = 4
    """Maximum number of concurrent calls on a channel that does not drop duplicates."""
    under_way_keyed: int = 32


@dataclass(slots=True)
class Look:
    """One evaluation of one message, with everything the gates may need."""

    message: Message
    play: Play
    play_state: PlayState
    book: Book
    channel: Channel
    person: Person
    customer: Customer | None
    state: State
    policy: Policy
    under_way: int
    now: int
    _where: ZoneInfo | None = None

    @property
    def where(self) -> ZoneInfo:
        """The customer's time zone, or the shop's."""
        if self._where is None:
            self._where = zone_of(self.customer, self.policy)
        return self._where

    @property
    def records(self) -> list[Person]:
        """Records of all ids of this person: the customer's own first, then those of joined ids."""
        profile = None if self.customer is None else self.customer.profile
        if profile is None or not profile.aliases:
            return [self.person]
        joined = (self.state.people.get(id) for id in profile.aliases)
        return [self.person, *(one for one in joined if one is not None)]

    @property
    def local_day(self) -> int:
        """The customer's local day."""
        return day_of(self.now, self.where)


def zone_of(customer: Customer | None, policy: Policy) -> ZoneInfo:
    """Return a customer's time zone, or the shop's if the customer's is unknown."""
    named = None if customer is None else text_trait(customer, "timezone")
    return zone(named, policy.timezone)[0]


def due(message: Message, customer: Customer | None, state: State, policy: Policy, under_way: int, now: int) -> Verdict:
    """Decide on a message now. Changes nothing except the arm drawn for the customer and ``message.looked``.

    Parameters
    ----------
    customer
        Customer in the view after every input was read to its end; None if unknown.
    under_way
        Number of unanswered calls of the message's channel.
    """
    look = Look(
        message,
        state.play(message),
        state.ledger.plays[message.play],
        state.books[state.ledger.book],
        state.channel(message),
        state.person(message.customer),
        customer,
        state,
        policy,
        under_way,
        now,
    )
    if not message.looked:
        if (found := _first_of(_AT_TRIGGER, look)) is not None:
            return found
        waited = message.expires - look.play.expires
        if now < waited:
            return Wait(waited, "looked")
        # Without a wait, evaluate at once, because a second evaluation would come after plays with lower priority.
        message.looked = True
    # A retry has passed the gates and used up its turn. Re-evaluate only what may have changed since.
    found = _first_of(_REPEATED if message.claimed else _GATES, look)
    return _arm(look) if found is None else found


def _first_of(gates: tuple[Gate, ...], look: Look) -> Verdict | None:
    """Return the verdict of the first gate that stops the message, or None if it passes all."""
    for gate in gates:
        if (found := gate(look)) is not None:
            return found
    return None


def _has_ended(look: Look) -> Verdict | None:
    return Drop("stopped", {}) if look.play_state.status == "stopped" else None


def _stopped(look: Look) -> Verdict | None:
    if look.play_state.status == "paused":
        if look.now >= look.message.expires:
            return Drop("expires", {"at": look.message.expires})
        return Wait(min(look.now + 60_000, look.message.expires), "paused")
    return _has_ended(look)


def _condition(look: Look) -> Verdict | None:
    question = look.play.condition
    if question is None:
        return None
    if look.customer is None:
        return Drop("if", {"known": False})
    holds, seen = question.judge(look.customer, look.now, look.policy.units)
    return None if holds else Drop("if", seen)


def _allowed(look: Look) -> Verdict | None:
    """Check that the customer is contactable, consents, subscribes to the list, and is not suppressed."""
    address = _address(look)
    if address is None:
        return Drop("contactable", {"needs": look.policy.addresses.trait(look.channel)})
    person, play = look.person, look.play
    lists = (EVERY_LIST, play.list)
    if play.kind == "marketing":
        if (refused := _refused(look)) is not None:
            return Drop("consent", {refused: False})
        for list in lists:
            choice = person.lists.get(list)
            if choice is not None and not choice[0]:
                return Drop("list", {"list": list, "since": choice[1]})
    if person.refused and not person.address:
        return Drop("suppressed", {"why": person.refused})
    if address and look.state.suppressed:
        hashed = look.policy.addresses.hash(address)
        for list in lists:
            found = look.state.suppressed.get(f"{hashed}/{list}")
            if found is not None and (found.why != "unsubscribed" or play.kind == "marketing"):
                return Drop("suppressed", {"why": found.why, "list": found.list})
    return None


def _address(look: Look) -> str | None:
    """Return the address to send to: empty if the channel needs none, None if it needs one that is unknown."""
    return look.policy.addresses.of(look.channel, look.customer)


def _refused(look: Look) -> str | None:
    """Return the consent that the customer lacks. Every play reacts to behaviour, so it also needs ``personalization``."""
    return missing_consent(None if look.customer is None else look.customer.profile, look.policy.consent_default)


def _again(look: Look) -> Verdict | None:
    last = max((one.sends[look.play.name] for one in look.records if look.play.name in one.sends), default=None)
    if last is not None and look.now - last < look.play.again:
        return Drop("again", {"last": last})
    return None


def _expired(look: Look) -> Verdict | None:
    return Drop("expires", {"at": look.message.expires}) if look.now >= look.message.expires else None


def _hours(look: Look) -> Verdict | None:
    if not look.play.quiet:
        return None
    until = quiet_until(look.now, look.book.limits.quiet, look.where)
    return Wait(min(until, look.message.expires), "quiet") if until > look.now else None


def _unless(look: Look) -> Verdict | None:
    question = look.play.unless
    if question is not None and look.customer is not None:
        holds, seen = question.judge(look.customer, look.now, look.policy.units)
        if holds:
            return Drop("unless", seen)
    return None


def _still(look: Look) -> Verdict | None:
    change, play = look.message.change, look.play
    to = None if change.to_segment is None else change.to_segment.id
    if change.cause == FIRST and look.customer is not None:
        # Only the view knows where the customer is: no change reported it.
        held = look.customer.segments.get(play.when.segmentation)
        if to is None or held is None or held.segment != to:
            return Drop("still", {"now_in": None if held is None else held.segment})
    now_in = look.message.now_in
    if play.still and now_in != to and (play.when.to is None or now_in not in play.when.to):
        return Drop("still", {"now_in": now_in})
    return None


def _capped(look: Look) -> Verdict | None:
    if look.play.kind != "marketing":
        return None
    days = [found for one in look.records for found in one.days.items()]
    if not days:
        return None
    today = look.local_day
    for rate in look.book.limits.per_customer:
        width = rate.per // _DAY
        used = sum(count for day, count in days if today - width < day <= today)
        if used >= rate.count:
            return Drop("cap", {"days": width, "used": used})
    return None


def _budget(look: Look) -> Verdict | None:
    if look.play.budget is None:
        return None
    where = zone_of(None, look.policy)
    today = day_of(look.now, where)
    if look.play_state.days.get(today, 0) < look.play.budget:
        return None
    until = next_day(look.now, where)
    if look.play.quiet:
        # The shop's day begins at night, when re-evaluating all waiting customers would only find that it is too early.
        until = quiet_until(until, look.book.limits.quiet, look.where)
    return Wait(min(until, look.message.expires), "budget")


def _approved(look: Look) -> Verdict | None:
    return Wait(look.message.expires, "approve") if look.play_state.approve and not look.message.approved else None


def _channel_free(look: Look) -> Verdict | None:
    """Check the channel's own reasons to wait: breaker, calls in progress, rates."""
    held = look.state.ledger.channels.get(look.channel.name)
    if held is not None and held.opened and look.now < held.probe:
        return Wait(min(held.probe, look.message.expires), "breaker")
    most = look.policy.under_way_keyed if look.channel.keyed else look.policy.under_way
    if held is not None and held.opened:
        most = 1
    if look.under_way >= most:
        return Wait(look.now + 20, "under_way")
    if held is not None:
        free = rates.free_at(held.windows, look.channel.rates, look.now)
        if free > look.now:
            return Wait(min(free, look.message.expires), "rate")
    return None


Gate = Callable[[Look], Verdict | None]
_AT_TRIGGER: Final[tuple[Gate, ...]] = (_has_ended, _condition)
_REPEATED: Final[tuple[Gate, ...]] = (_stopped, _allowed, _expired, _channel_free)
_GATES: Final[tuple[Gate, ...]] = (
    _stopped,
    _condition,
    _allowed,
    _again,
    _expired,
    _hours,
    _unless,
    _still,
    _capped,
    _budget,
    _approved,
    _channel_free,
)
"""In the order of ``docs/plays.md``."""


def _arm(look: Look) -> Verdict:
    """Draw the holdout at the moment of sending and keep it. For joined ids, the first arm drawn decides."""
    play, arms = look.play, look.person.arms
    draws = [(f"{play.name}@{look.play_state.epoch}", play.holdout)]
    if play.kind == "marketing":
        draws.append((ALL, look.book.limits.holdout))
    held = False
    for name, share in draws:
        if name not in arms:
            drawn = next((one.arms[name] for one in look.records if name in one.arms), None)
            if drawn is None and share:
                drawn = draw(name, look.message.customer) < share
            if drawn is not None:
                arms[name] = drawn
        held = held or arms.get(name, False)
    if held and not look.message.claimed:
        return Withhold("withheld")
    return Send(_address(look) or "")


def use_up(message: Message, state: State, policy: Policy, customer: Customer | None, now: int) -> None:
    """Count a message as a turn of its customer and play today; called for sent and held-out messages alike."""
    play = state.play(message)
    play_state, person = state.ledger.plays[message.play], state.person(message.customer)
    message.claimed = now
    if person.sends.get(play.name, -1) < play_state.since and not person.arms.get(ALL):
        play_state.drawn.count(person.arms.get(f"{play.name}@{play_state.epoch}", False), play.holdout)
    person.sends[play.name] = now
    if play.kind == "marketing":
        today = day_of(now, zone_of(customer, policy))
        person.days[today] = person.days.get(today, 0) + 1
        for day in [day for day in person.days if day <= today - KEPT_DAYS]:
            del person.days[day]
    shop_day = day_of(now, zone_of(None, policy))
    play_state.days[shop_day] = play_state.days.get(shop_day, 0) + 1
    for day in [day for day in play_state.days if day <= shop_day - KEPT_DAYS]:
        del play_state.days[day]
