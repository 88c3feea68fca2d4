"""Process signals from customers and receivers: unsubscribed, bounced, complained, erased. They suppress unsent messages."""

from __future__ import annotations

from typing import Final

from models.customer.profile import EVERY_LIST
from schemas.events import CustomerErased, MessageOutcome, SubscriptionUpdated
from streamer.act.heart.erased import is_erased, remember
from streamer.act.heart.measure import count_response
from streamer.act.heart.plan import forget
from streamer.act.heart.state import Outcome, State, Suppression

Signal = SubscriptionUpdated | MessageOutcome | CustomerErased

_SUPPRESSING: Final = ("bounced", "complained")


def take_signal(signal: Signal, state: State, outcome: Outcome, now: int, appended: int = 0) -> None:
    """Process one event of the input topic, appended at ``appended`` (ms; 0 if unknown).

    Late events count by their event time. Events from the future count by their append time: otherwise, one wrong clock
    would override later choices for years.
    """
    at = min(signal.occurred_at, appended or signal.occurred_at)
    if not isinstance(signal, CustomerErased) and is_erased(signal.customer_id, at, state):
        return
    match signal:
        case SubscriptionUpdated():
            _subscribe(signal, at, state, outcome)
            if signal.message_id is not None and not signal.subscribed:
                count_response(signal.message_id, "unsubscribed", state, outcome)
        case MessageOutcome(outcome=ending) if ending in _SUPPRESSING:
            count_response(signal.message_id, ending, state, outcome)
            _suppress(signal.customer_id, EVERY_LIST, ending, at, state, outcome)
        case CustomerErased():
            erase(signal.customer_id, at, state, outcome, now, appended)
        case _:
            pass


def erase(customer: str, at: int, state: State, outcome: Outcome, now: int, appended: int) -> None:
    """Drop everything known about a customer erased at ``at`` (ms), and remember the erase."""
    remember(customer, at, appended, state, outcome)
    forget(customer, state, outcome, now)


def _subscribe(signal: SubscriptionUpdated, at: int, state: State, outcome: Outcome) -> None:
    person = state.person(signal.customer_id)
    known = person.lists.get(signal.list)
    if known is not None and known[1] > at:
        return
    person.lists[signal.list] = (signal.subscribed, at)
    outcome.people.add(signal.customer_id)
    if not person.address:
        return
    # By its hash, an address stays unsubscribed even if its customer is erased and comes back.
    key = f"{person.address}/{signal.list}"
    held = state.suppressed.get(key)
    if held is not None and held.why in _SUPPRESSING:
        # A list choice never makes an address deliverable again.
        return
    if signal.subscribed:
        if state.suppressed.pop(key, None) is not None:
            outcome.suppressed.add(key)
    else:
        state.suppressed[key] = Suppression(signal.list, at, "unsubscribed")
        outcome.suppressed.add(key)


def _suppress(customer: str, list: str, why: str, at: int, state: State, outcome: Outcome) -> None:
    person = state.person(customer)
    outcome.people.add(customer)
    if not person.address:
        person.refused = why
        return
    key = f"{person.address}/{list}"
    held = state.suppressed.get(key)
    if held is None or held.why not in _SUPPRESSING:
        state.suppressed[key] = Suppression(list, at, why)
        outcome.suppressed.add(key)
