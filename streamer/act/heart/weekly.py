"""Plan the message with which a weekly play sends last week's report to the owner. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from schemas.changes import ReceivedChange
from streamer.act.heart.plan import add
from streamer.act.heart.state import OWNER, Message, Outcome, State
from streamer.act.plays.spans import UNITS
from streamer.act.plays.weekly import covered, latest

WEEKLY: Final = "weekly"
"""The ``cause`` of the made-up change that represents an occasion."""
_LEAST: Final = 6 * UNITS["day"]
"""Minimum time between two reports of a play, however its hour is edited; a week may have 167 hours."""


def plan_weekly(state: State, outcome: Outcome, now: int, where: ZoneInfo) -> None:
    """Plan a message for each started weekly play whose hour has come, in the transaction that records it.

    Only the latest occasion counts, so an owner that was down for weeks plans one message. If the occasion is older
    than ``expires``, the gate of that name drops the message and records it. Occasions before the play's start do not
    count.
    """
    for name, held in state.ledger.plays.items():
        play = state.books[held.version].plays[name]
        if play.when.weekly is None or held.status == "stopped":
            continue
        at, day = latest(play.when.weekly, now, where)
        if at < held.since or at - held.occasion < _LEAST:
            continue
        held.occasion = at
        # `wait` is 0, so the message counts from its hour rather than from when the owner processes it.
        add(_occasion(name, at, day), play, held, state, outcome, at, None)


def _occasion(play: str, at: int, day: date) -> ReceivedChange:
    """Return the change that represents an occasion. Its id is the same in every process."""
    return ReceivedChange(
        event_id=f"{WEEKLY}/{play}/{day.isoformat()}",
        customer_id=OWNER,
        seq=0,
        segmentation="",
        from_segment=None,
        to_segment=None,
        cause=WEEKLY,
        automation_safe=True,
        changed_at=datetime.fromtimestamp(at / 1000, UTC),
    )


def days_of(message: Message) -> tuple[date, date]:
    """Return the first and last day of the report that a weekly message sends."""
    return covered(date.fromisoformat(message.change.event_id.rpartition("/")[2]))
