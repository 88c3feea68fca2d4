"""Measure purchases after customers' turns: both arms alike, by intention to treat, from their order books.

A measure begins when a message uses up its turn, sent or held out, and ends after the play's time. Then the customer's
remembered orders are counted by their own times, so a late count has the same result.

All marketing together is measured too, once per customer: from the first turn of any play, customers held out of all
marketing are compared with the others.
"""

from __future__ import annotations

from typing import Final

from models.customer.customer import Customer
from streamer.act.heart.holdout import ALL
from streamer.act.heart.state import ArmState, Drawn, Measure, Message, Origin, Outcome, PlayState, State, Step
from streamer.act.heart.uplift import surely_above

ALL_WITHIN: Final = 90 * 86_400_000
"""Time (ms) after a customer's first turn in which orders count for all marketing together."""


def begin(message: Message, held: bool, state: State, outcome: Outcome, now: int) -> None:
    """Start measuring a customer's turn if the play measures, and the customer's first marketing turn."""
    play, person = state.play(message), state.person(message.customer)
    from_all = person.arms.get(ALL, False)
    if play.kind == "marketing" and ALL in person.arms and not person.turned:
        person.turned = now
        state.ledger.marketing.drawn.count(from_all, state.books[state.ledger.book].limits.holdout)
        _remember(f"{ALL}/{message.customer}", ALL, ALL_WITHIN, from_all, message, state, outcome, now)
    if play.measure is not None:
        _remember(message.id, play.name, play.measure, held, message, state, outcome, now)
        state.measures[message.id].held_from_all = from_all and play.kind == "marketing"


def _remember(
    id: str, name: str, within: int, held: bool, message: Message, state: State, outcome: Outcome, now: int
) -> None:
    state.measures[id] = Measure(
        play=name,
        epoch=0 if name == ALL else state.ledger.plays[name].epoch,
        version=message.version,
        customer=message.customer,
        change_event_id=message.change.event_id,
        held=held,
        begun=now,
        due=now + within,
    )
    outcome.measures.add(id)


def end(id: str, customer: Customer | None, state: State, outcome: Outcome, minor: int) -> None:
    """Count the customer's purchases during a measure that is due.

    Parameters
    ----------
    customer
        Customer in the view; None, for example after an erase, counts in neither arm.
    minor
        Minor units per major unit of the shop's currency.
    """
    measure = state.measures.pop(id)
    outcome.measures.add(id)
    outcome.moved = True
    play_state = state.ledger.plays.get(measure.play)
    arms = state.ledger.marketing if measure.play == ALL else play_state
    if customer is None or arms is None or (play_state is not None and play_state.epoch != measure.epoch):
        return
    orders = [one for one in customer.book.orders if measure.begun < one.at <= measure.due and one.live]
    spent = sum(one.money - one.taken_money for one in orders) / minor
    if not measure.held_from_all:
        _count(arms.held_arm if measure.held else arms.sent_arm, bool(orders), spent)
    if measure.play != ALL:
        more = {"held_out": measure.held, "converted": bool(orders), "amount": round(spent, 2)}
        outcome.steps.append(Step("message.measured", Origin.of_measure(id, measure), measure.due, more))


def _count(arm: ArmState, bought: bool, spent: float) -> None:
    arm.n += 1
    arm.bought += bought
    arm.money += spent
    arm.squares += spent * spent


def count_response(id: str, what: str, state: State, outcome: Outcome) -> None:
    """Count an unsubscribe or complaint that names a message, and pause a play that certainly has too many."""
    measure = state.measures.get(id)
    if measure is None or what in measure.responses:
        return
    play_state = state.ledger.plays[measure.play]
    measure.responses.append(what)
    outcome.measures.add(id)
    outcome.moved = True
    play_state.responses[what] = play_state.responses.get(what, 0) + 1
    _stop_if(what, measure, play_state, state)


def _stop_if(what: str, measure: Measure, play_state: PlayState, state: State) -> None:
    play = state.books[play_state.version].plays[measure.play]
    limit, count = play.stop_if.get(what), play_state.responses[what]
    if limit is not None and play_state.status == "running" and surely_above(count, play_state.sent, limit):
        play_state.status = "paused"
        play_state.why = f"{count} of {play_state.sent} {what}: surely more than {limit:.1%}"


def forget(customer: str, state: State, outcome: Outcome) -> None:
    """Drop the measures of an erased customer."""
    for id in [id for id, one in state.measures.items() if one.customer == customer]:
        del state.measures[id]
        outcome.measures.add(id)


def reset(play_state: PlayState) -> None:
    """Reset both arms for a new epoch."""
    play_state.sent_arm, play_state.held_arm, play_state.drawn, play_state.responses = (
        ArmState(),
        ArmState(),
        Drawn(),
        {},
    )
