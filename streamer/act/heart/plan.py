"""Plan the messages a change triggers. Pure: it reads no profile, so that planning keeps up with the changes."""

from __future__ import annotations

from schemas.changes import ReceivedChange
from streamer.act.heart import measure
from streamer.act.heart.erased import is_erased_change
from streamer.act.heart.ids import message_id
from streamer.act.heart.moves import finish, note
from streamer.act.heart.state import FIRST, Message, Outcome, PlayState, State
from streamer.act.plays.book import Play

STORM_SLICES = 12
STORM_LEAST = 20
"""Number of messages that never count as a storm, however small the shop is."""


def plan(
    change: ReceivedChange, state: State, outcome: Outcome, now: int, customers: int, trace: bytes | None = None
) -> None:
    """Process one change: plan a message for every running play it triggers, and update waiting messages.

    Parameters
    ----------
    state, outcome
        State and outcome, changed in place.
    now
        Time of this turn (epoch ms), from which `wait` and `expires` count.
    customers
        Number of the shop's customers, for the storm limit; 0 while unknown.
    trace
        Trace of the change.
    """
    customer = change.customer_id
    known = state.people.get(customer)
    if change.cause != "erase" and ((known is not None and change.seq <= known.seq) or is_erased_change(change, state)):
        return
    _follow(change, state, outcome)
    if change.cause == "erase":
        forget(customer, state, outcome, now)
        return
    for name, play_state in state.ledger.plays.items():
        play = state.books[play_state.version].plays[name]
        if play_state.status != "stopped" and triggers(change, play) and change.changed_ms >= play_state.since:
            add(change, play, play_state, state, outcome, now, trace)
            _watch_for_storm(play, play_state, state, now, customers)
    if (person := state.people.get(customer)) is not None:
        person.seq = change.seq
        outcome.people.add(customer)


def triggers(change: ReceivedChange, play: Play) -> bool:
    """Return whether a change triggers the play."""
    when = play.when
    to, source = change.to_segment, change.from_segment
    return (
        change.segmentation == when.segmentation
        and (change.automation_safe or not play.only_safe)
        and (when.to is None or (to is not None and to.id in when.to))
        and (when.source is None or (source is not None and source.id in when.source))
        and (when.cause is None or change.cause in when.cause)
    )


def _follow(change: ReceivedChange, state: State, outcome: Outcome) -> None:
    """Record where customers with waiting messages are now, for ``still``. Stored, because no change is read twice."""
    now_in = None if change.to_segment is None else change.to_segment.id
    for id in state.by_customer.get(change.customer_id, ()):
        message = state.messages[id]
        if message.change.segmentation == change.segmentation and message.now_in != now_in:
            message.now_in = now_in
            outcome.messages.add(id)


def add(
    change: ReceivedChange,
    play: Play,
    play_state: PlayState,
    state: State,
    outcome: Outcome,
    now: int,
    trace: bytes | None,
) -> None:
    """Plan the message with which a play reacts to a change, unless it is already planned and unfinished."""
    id = message_id(change.event_id, play.name)
    if id in state.messages:
        return
    person = state.person(change.customer_id)
    person.seq = max(person.seq, change.seq)
    begun = min(now, change.changed_ms) if change.cause == FIRST else now
    waited = max(now, begun + play.wait)
    # With ``if``, the customer is evaluated at once, and again when the wait is over.
    due = now if play.condition is not None else waited
    message = Message(
        id=id,
        play=play.name,
        version=play_state.version,
        customer=change.customer_id,
        change=change,
        planned=now,
        due=due,
        expires=waited + play.expires,
        looked=play.condition is None,
        now_in=None if change.to_segment is None else change.to_segment.id,
        trace="" if trace is None else trace.decode(),
    )
    state.add(message)
    play_state.planned += 1
    outcome.people.add(change.customer_id)
    note(outcome, "message.planned", message, now, due_at=due, expires_at=message.expires)


def _watch_for_storm(play: Play, play_state: PlayState, state: State, now: int, customers: int) -> None:
    """Pause a play that plans more than the limits allow, so that a person checks it before anything is sent."""
    storm = state.books[state.ledger.book].limits.storm
    size = max(1, storm.per // STORM_SLICES)
    hours = play_state.hours
    hours[now // size] = hours.get(now // size, 0) + 1
    for slice in [slice for slice in hours if (slice + 1) * size + storm.per <= now]:
        del hours[slice]
    most = max(STORM_LEAST, storm.share * customers)
    if customers and sum(hours.values()) > most and play_state.status == "running":
        play_state.status = "paused"
        play_state.why = f"storm: {sum(hours.values())} planned, at most {most:.0f} are expected"


def forget(customer: str, state: State, outcome: Outcome, now: int) -> None:
    """Drop everything known about an erased customer. Calls in progress are settled without it."""
    for id in sorted(state.by_customer.get(customer, ())):
        message = state.messages[id]
        if message.status == "waiting":
            finish(state, outcome, message, now, "erased", {})
        elif message.status in ("failed", "doubtful"):
            state.remove(message)
            outcome.messages.add(id)
        else:
            message.erased = True
            outcome.messages.add(id)
    measure.forget(customer, state, outcome)
    outcome.coupons.update(state.coupons.forget(customer))
    if state.people.remove(customer):
        outcome.people.add(customer)
