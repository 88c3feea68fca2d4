"""Apply the gates' verdict to a message: drop it, wait, withhold it, or claim it and prepare its call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.messages import Language
from streamer.act.calls import Call, Calls
from streamer.act.heart import coupons, measure, rates
from streamer.act.heart import due as gates
from streamer.act.heart.moves import finish, later, note
from streamer.act.heart.state import ChannelState, Message, Outcome, State
from streamer.act.links import Links
from streamer.act.plays.book import Channel
from streamer.act.ports import Seen
from streamer.act.render import Draft, Rendered, RenderError, render
from streamer.act.reports import Reports
from streamer.act.timers import Timers

_REPORT_MS: Final = 1_000
"""Interval (ms) at which a weekly message checks whether its report is ready."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Evaluates messages and changes state according to their verdicts.

    Attributes
    ----------
    journal
        Name of this owner's journal, stored in claims of channels that do not drop duplicates.
    language
        Language of messages to customers whose language is unknown.
    reports
        Makes the reports that weekly plays send.
    """

    policy: gates.Policy
    links: Links
    timers: Timers
    calls: Calls
    journal: str
    language: Language
    reports: Reports | None = None

    def look(self, message: Message, seen: Seen, state: State, outcome: Outcome, now: int) -> Call | None:
        """Apply the gates to one message, and return the call to make if it passes all of them."""
        customer = seen.customer
        channel = state.channel(message)
        verdict = gates.due(message, customer, state, self.policy, self.calls.under_way[channel.name], now)
        match verdict:
            case gates.Drop(gate, what):
                self.timers.clear(message.id)
                finish(state, outcome, message, now, gate, what)
            case gates.Wait(until, gate):
                if gate == "looked":
                    message.looked = True
                if gate in gates.LASTING:
                    message.why = "" if gate == "looked" else gate
                    later(outcome, message, until)
                self.timers.set(message.id, until)
            case gates.Withhold():
                self.timers.clear(message.id)
                self._withhold(message, seen, channel, state, outcome, now)
            case gates.Send(address):
                if state.play(message).when.weekly is not None and self._report(message) is None:
                    self.timers.set(message.id, now + _REPORT_MS)
                    return None
                self.timers.clear(message.id)
                return self._claim(message, seen, channel, address, state, outcome, now)
        return None

    def _withhold(
        self, message: Message, seen: Seen, channel: Channel, state: State, outcome: Outcome, now: int
    ) -> None:
        # A message that cannot be rendered is dropped in both arms, or they would not be comparable.
        address = self.policy.addresses.of(channel, seen.customer) or ""
        if self._render(message, seen, address, state, outcome, now) is None:
            return
        gates.use_up(message, state, self.policy, seen.customer, now)
        measure.begin(message, True, state, outcome, now)
        state.ledger.plays[message.play].withheld += 1
        state.remove(message)
        outcome.people.add(message.customer)
        note(outcome, "message.withheld", message, now)

    def _render(
        self, message: Message, seen: Seen, address: str, state: State, outcome: Outcome, now: int
    ) -> tuple[Rendered, str] | None:
        """Return a message's text and coupon code. Drop the message and return None if it cannot be rendered."""
        book, play = state.books[message.version], state.play(message)
        if play.when.weekly is not None:
            report = self._report(message)
            return None if report is None else (report, "")
        code = self._code(message, state)
        if code is None:
            finish(state, outcome, message, now, "coupon", {"pool": play.coupon.pool if play.coupon else "", "free": 0})
            return None
        coupon = coupons.given(code, play.coupon, seen.customer, self.policy.timezone, message.claimed or now)
        web = book.shop.web if play.kind == "marketing" else ""
        url = self.links.unsubscribe(web, message.customer, play.list, message.id, now)
        try:
            return render(Draft(message, book, seen.customer, url, self.language, address, coupon)), code
        except RenderError as error:
            finish(state, outcome, message, now, "render", {"template": str(error)})
            return None

    def _report(self, message: Message) -> Rendered | None:
        """Return the report that a weekly message sends; None until it is ready."""
        return None if self.reports is None else self.reports.of(message)

    def _claim(
        self, message: Message, seen: Seen, channel: Channel, address: str, state: State, outcome: Outcome, now: int
    ) -> Call | None:
        made = self._render(message, seen, address, state, outcome, now)
        if made is None:
            return None
        (rendered, code), play = made, state.play(message)
        if not message.claimed:
            gates.use_up(message, state, self.policy, seen.customer, now)
            measure.begin(message, False, state, outcome, now)
        if address:
            state.person(message.customer).address = self.policy.addresses.hash(address)
        outcome.people.add(message.customer)
        if play.coupon is not None and not message.coupon:
            state.coupons.give(code, play.coupon, play.name, message.id, message.customer, now)
            message.coupon = code
            outcome.coupons.add(code)
        message.status, message.attempt = "sending", message.attempt + 1
        message.journal = "" if channel.keyed else self.journal
        rates.count(state.ledger.channels.setdefault(channel.name, ChannelState()).windows, channel.rates, now)
        self.calls.under_way[channel.name] += 1
        more = {"coupon": code} if code else {}
        note(outcome, "message.sending", message, now, attempt=message.attempt, **more)
        return Call(message, message.attempt, channel, rendered, address)

    def _code(self, message: Message, state: State) -> str | None:
        """Return a message's coupon code: empty if it has none, None if the pool is exhausted."""
        rule = state.play(message).coupon
        if message.coupon or rule is None:
            return message.coupon
        return state.coupons.offered(rule, self.links.code(message.id))
