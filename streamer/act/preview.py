"""Preview what plays would have done: the real planner and gates, run over published changes by a simulated clock.

Profiles are current, because older ones are not stored: conditions and templates assume they were the same then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from models.customer.customer import Customer
from models.messages import Language
from schemas.changes import ReceivedChange
from streamer.act.heart import due as gates
from streamer.act.heart import rates, room
from streamer.act.heart.coupons import Coupons, given
from streamer.act.heart.moves import finish, later, note
from streamer.act.heart.people import People
from streamer.act.heart.plan import add, plan
from streamer.act.heart.state import ChannelState, Message, Outcome, PlayState, State, Suppression
from streamer.act.plays.book import Book, Channel
from streamer.act.rehearsal import Rehearsal
from streamer.act.render import Draft, RenderError
from streamer.act.timers import Timers
from streamer.act.trial import TRIAL_CODE

_AT_ONCE: Final = 200


@dataclass(slots=True)
class Funnel:
    """Outcomes of one play's messages. ``who`` names the first customers with each outcome."""

    planned: int = 0
    sent: int = 0
    withheld: int = 0
    waiting: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    who: dict[str, list[str]] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    stopped: str = ""


class Preview:
    """One run over the past.

    Parameters
    ----------
    customers
        Customers' profiles, by id.
    coupons, people
        Current codes and customer records. They are changed in place, so pass copies.
    of
        Number of the shop's customers, for the storm limit.
    named
        Maximum number of customers named per outcome.
    """

    def __init__(
        self,
        book: Book,
        names: Iterable[str],
        customers: Mapping[str, Customer],
        policy: gates.Policy,
        *,
        of: int,
        suppressed: Mapping[str, Suppression] | None = None,
        coupons: Coupons | None = None,
        people: People | None = None,
        language: Language = "en",
        named: int = 20,
    ) -> None:
        self._state = State()
        self._state.books[book.version] = book
        self._state.ledger.book = book.version
        for name in names:
            self._state.ledger.plays[name] = PlayState("running", book.version, 1, 0)
        self._state.suppressed = dict(suppressed or {})
        self._state.coupons = coupons or Coupons()
        self._state.people = people or People()
        self._customers = customers
        self._policy = policy
        self._of = of
        self._language = language
        self._named = named
        self._timers = Timers()
        self._rehearsal = Rehearsal()
        self._now = 0
        self.funnels = {name: Funnel() for name in self._state.ledger.plays}

    def run(self, changes: Iterable[ReceivedChange], until: int) -> dict[str, Funnel]:
        """Process changes in time order, then let time pass up to ``until`` (ms). Return each play's funnel."""
        for change in changes:
            at = change.changed_ms
            self._pass_time(at)
            outcome = Outcome()
            plan(change, self._state, outcome, at, self._of)
            self._show(outcome)
            if outcome.messages:
                self._pass_time(at)
        return self._end(until)

    def by_hand(self, changes: Iterable[ReceivedChange], now: int, until: int) -> dict[str, Funnel]:
        """Run a user's command at ``now`` (`heart.by_hand`), like `run`. The storm limit does not apply."""
        for change in changes:
            outcome = Outcome()
            for name, play_state in self._state.ledger.plays.items():
                play = self._state.books[play_state.version].plays[name]
                add(change, play, play_state, self._state, outcome, now, None)
            self._show(outcome)
        return self._end(until)

    def _end(self, until: int) -> dict[str, Funnel]:
        self._pass_time(until)
        for message in self._state.messages.values():
            self.funnels[message.play].waiting += 1
        for name, play_state in self._state.ledger.plays.items():
            self.funnels[name].stopped = play_state.why
        return self.funnels

    def _pass_time(self, until: int) -> None:
        """Evaluate due messages up to an instant, each at its own time or once its channel accepts it."""
        while (at := self._next()) is not None and at <= until:
            self._now = at
            for message in self._timers.take(at, self._state, self._room, _AT_ONCE):
                outcome = Outcome()
                self._judge(message, at, outcome)
                self._show(outcome)
        self._now = max(self._now, until)

    def _next(self) -> int | None:
        """Return the next instant at which a message may be evaluated."""
        found = [room.free_at(channel, self._state, self._now) for channel in self._timers.lines(self._state)]
        if (at := self._timers.next()) is not None:
            found.append(at)
        return min(found, default=None)

    def _room(self, channel: Channel) -> int:
        return room.room(channel, self._state, self._policy, 0, self._now)

    def _judge(self, message: Message, now: int, outcome: Outcome) -> None:
        state, customer = self._state, self._customers.get(message.customer)
        verdict = gates.due(message, customer, state, self._policy, 0, now)
        match verdict:
            case gates.Drop(gate, seen):
                self._timers.clear(message.id)
                finish(state, outcome, message, now, gate, seen)
            case gates.Wait(until, gate):
                message.looked = message.looked or gate == "looked"
                later(outcome, message, until)
            case gates.Withhold() | gates.Send():
                self._timers.clear(message.id)
                code, rule = "", state.play(message).coupon
                sent = isinstance(verdict, gates.Send)
                if rule is not None:
                    # An exhausted pool drops the message in both arms, or they would not be comparable.
                    code = state.coupons.offered(rule, TRIAL_CODE) or ""
                    if not code:
                        finish(state, outcome, message, now, "coupon", {"pool": rule.pool, "free": 0})
                        return
                try:
                    self._fill(message, customer, code or TRIAL_CODE, now)
                except RenderError as error:
                    templates = self.funnels[message.play].templates
                    templates[str(error)] = templates.get(str(error), 0) + 1
                    finish(state, outcome, message, now, "render", {})
                    return
                if sent and code and rule is not None:
                    state.coupons.give(code, rule, message.play, message.id, message.customer, now)
                gates.use_up(message, state, self._policy, customer, now)
                if sent:
                    channel = state.channel(message)
                    held = state.ledger.channels.setdefault(channel.name, ChannelState())
                    rates.count(held.windows, channel.rates, now)
                state.remove(message)
                note(outcome, "message.sent" if sent else "message.withheld", message, now)

    def _fill(self, message: Message, customer: Customer | None, code: str, now: int) -> None:
        book = self._state.books[message.version]
        coupon = given(code, self._state.play(message).coupon, customer, self._policy.timezone, now)
        url = f"{book.shop.web}/u/..."
        self._rehearsal.render(Draft(message, book, customer, url, self._language, coupon=coupon))

    def _show(self, outcome: Outcome) -> None:
        for step in outcome.steps:
            funnel, customer = self.funnels[step.message.play], step.message.customer
            match step.type:
                case "message.planned":
                    funnel.planned += 1
                    continue
                case "message.dropped":
                    name = str(step.more["gate"])
                    funnel.dropped[name] = funnel.dropped.get(name, 0) + 1
                case "message.withheld":
                    name = "withheld"
                    funnel.withheld += 1
                case _:
                    name = "sent"
                    funnel.sent += 1
            who = funnel.who.setdefault(name, [])
            if len(who) < self._named:
                who.append(customer)
        self._timers.follow(outcome.messages, self._state.messages)
