"""Carry out manual actions: plan messages for customers already in a segment, approve a play's first messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import uuid5

from schemas.act import FirstCustomer, PlayCommand
from schemas.changes import ReceivedChange, SegmentRef
from schemas.errors import UserError
from streamer.act.heart.ids import NAMESPACE
from streamer.act.heart.moves import finish, later
from streamer.act.heart.plan import add
from streamer.act.heart.state import FIRST, Message, Outcome, PlayState, State
from streamer.act.plays.book import Play

APPROVE: Final = "approve"
"""The gate at which the first messages of a play wait for approval."""


def first(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    """Plan a message for each named customer, as if they had just entered their segment.

    The message id is derived from the customer, the segmentation and the time of entry. Repeating the command therefore
    plans no message that is still unfinished; a sent message counts for ``again``.
    """
    play = state.books[held.version].plays[order.play]
    if play.when.weekly is not None:
        raise UserError(
            f"{order.play} is a weekly play and does not message customers",
            ("it sends its report at the scheduled time"),
        )
    if held.status == "stopped":
        return
    for one in order.customers:
        add(entered(one, play), play, held, state, outcome, now, None)


def entered(one: FirstCustomer, play: Play) -> ReceivedChange:
    """Return the change that represents a membership."""
    segmentation = play.when.segmentation
    return ReceivedChange(
        event_id=str(uuid5(NAMESPACE, f"{one.customer_id}/{segmentation}/{one.since}/{FIRST}")),
        customer_id=one.customer_id,
        seq=0,
        segmentation=segmentation,
        from_segment=None,
        to_segment=SegmentRef(one.segment, one.name),
        cause=FIRST,
        automation_safe=False,
        changed_at=datetime.fromtimestamp(one.since / 1000, UTC),
    )


def decide(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    """Approve or reject waiting messages. Once the requested number is decided, the rest need no approval."""
    waiting = [one for one in _waiting(order.play, state) if order.message_id in (None, one.id)]
    for message in waiting[: held.approve]:
        held.approve -= 1
        if order.action == "release":
            message.approved = True
            _let_go(message, outcome, now)
        else:
            finish(state, outcome, message, now, APPROVE, {"approved": False})
    if not held.approve:
        free(order.play, state, outcome, now)


def free(play: str, state: State, outcome: Outcome, now: int) -> None:
    """Re-evaluate messages that wait for an approval that is no longer required."""
    for message in _waiting(play, state):
        _let_go(message, outcome, now)


def _let_go(message: Message, outcome: Outcome, now: int) -> None:
    message.why = ""
    later(outcome, message, now)


def _waiting(play: str, state: State) -> list[Message]:
    """Return messages waiting for approval, in planning order."""
    found = [
        one for one in state.messages.values() if one.play == play and one.status == "waiting" and one.why == APPROVE
    ]
    return sorted(found, key=lambda one: (one.planned, one.id))
