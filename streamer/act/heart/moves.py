"""Change the state of messages: record a step, update the play's counters, and remove finished messages."""

from __future__ import annotations

from typing import Any

from streamer.act.heart.state import Message, Origin, Outcome, State, Step


def note(outcome: Outcome, type: str, message: Message, at: int, **more: Any) -> None:
    """Publish a step, and mark the message for writing."""
    outcome.steps.append(Step(type, Origin.of(message), at, more))
    outcome.messages.add(message.id)


def finish(state: State, outcome: Outcome, message: Message, at: int, gate: str, seen: dict[str, Any]) -> None:
    """Drop a message at a gate, with the values the gate used."""
    dropped = state.ledger.plays[message.play].dropped
    dropped[gate] = dropped.get(gate, 0) + 1
    state.remove(message)
    note(outcome, "message.dropped", message, at, gate=gate, seen=seen)


def later(outcome: Outcome, message: Message, until: int) -> None:
    """Re-evaluate a message at ``until`` (ms)."""
    message.due = until
    outcome.messages.add(message.id)
