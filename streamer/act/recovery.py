"""Settle the calls that a previous owner left in progress."""

from __future__ import annotations

from streamer.act.heart.settle import Answer, settle
from streamer.act.heart.state import Outcome, State
from streamer.act.ports import Journal


def recover(state: State, journal: Journal, outcome: Outcome, now: int) -> None:
    """Repeat each call if the receiver drops duplicates, otherwise settle it by the previous owner's journal.

    A call that may have been made is doubtful and waits for a person.
    """
    for message in [one for one in state.messages.values() if one.status == "sending"]:
        if state.channel(message).keyed:
            settle(message, Answer("not_begun"), state, outcome, now)
            continue
        begun, answer = journal.recall(message.journal, message.id, message.attempt)
        match begun:
            case "never":
                answer = Answer("not_begun")
            case "begun" | "unknown":
                answer = Answer("doubt", "the process ended during the call")
            case _:
                assert answer is not None
        settle(message, answer, state, outcome, now)
