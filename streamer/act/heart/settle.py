"""What an answer of a channel makes of a message: sent, tried again, failed, or in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

from streamer.act.heart.moves import finish, later, note
from streamer.act.heart.state import ChannelState, Message, Outcome, State
from streamer.act.plays.book import Channel
from streamer.act.plays.spans import UNITS

Kind = Literal["sent", "retry", "refused", "doubt", "not_begun"]

BREAK_AFTER: Final = 5
BREAK_OF: Final = 20
PROBE_MS: Final = UNITS["minute"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended.

    Attributes
    ----------
    kind
        ``sent``: taken. ``retry``: surely not taken, may be tried again. ``refused``: surely not taken, and never will
        be. ``doubt``: taken or not, nobody knows. ``not_begun``: the call was never made.
    detail
        What the channel said, for people; no address in it.
    after
        The receiver asks for this pause (ms).
    channel_down
        The channel itself is at fault, not the message: this counts for its breaker.
    gone
        The receiver wants no calls any more.
    """

    kind: Kind
    detail: str = ""
    after: int | None = None
    channel_down: bool = False
    gone: bool = False


def settle(message: Message, answer: Answer, state: State, outcome: Outcome, now: int) -> None:
    """Apply the answer to the last call of a message that is ``sending``."""
    play, channel = state.play(message), state.channel(message)
    play_state = state.ledger.plays[message.play]
    _break(state.ledger.channels.setdefault(channel.name, ChannelState()), answer, now)
    outcome.moved = True
    message.journal = ""
    match answer.kind:
        case "sent":
            play_state.sent += 1
            state.remove(message)
            note(outcome, "message.sent", message, now, attempt=message.attempt, detail=answer.detail)
        case "not_begun":
            # A claim whose process ended, or lost its lease, is no failure of the channel: no retry is used up.
            message.status, message.released = "waiting", message.released + 1
            later(outcome, message, now)
        case "doubt" if not channel.keyed and play.when_in_doubt == "skip":
            keep(state, outcome, message, "doubtful", answer.detail, now)
        case "refused":
            keep(state, outcome, message, "failed", answer.detail, now)
        case _:
            _again(message, channel, answer, state, outcome, now)
    if message.erased and message.id in state.messages:
        _let_go(message, state, outcome, now)
    if answer.gone:
        for name, other in state.ledger.plays.items():
            uses = state.books[other.version].plays[name].channel == channel.name
            if uses and other.status == "running":
                other.status, other.why = "paused", f"the receiver of {channel.name} is gone (410)"


def _let_go(message: Message, state: State, outcome: Outcome, now: int) -> None:
    """Keep nothing of an erased customer's message: one that would be sent again is dropped."""
    if message.status == "waiting":
        finish(state, outcome, message, now, "erased", {})
    else:
        state.remove(message)
        outcome.messages.add(message.id)


def keep(
    state: State, outcome: Outcome, message: Message, status: Literal["failed", "doubtful"], why: str, now: int
) -> None:
    """Keep a message that is not sent any more, until a person releases or drops it."""
    play_state = state.ledger.plays[message.play]
    message.status, message.why = status, why
    if status == "failed":
        play_state.failed += 1
    else:
        play_state.doubtful += 1
    note(outcome, f"message.{status}", message, now, attempt=message.attempt, detail=why)


def _again(message: Message, channel: Channel, answer: Answer, state: State, outcome: Outcome, now: int) -> None:
    pauses = channel.how.pauses
    # A channel that is down costs no attempts: its breaker holds the messages back.
    tries = message.attempt - message.released
    if tries > len(pauses):
        keep(state, outcome, message, "failed", answer.detail, now)
        return
    pause = jittered(pauses[tries - 1], f"{message.id}/{message.attempt}")
    if answer.after is not None:
        pause = max(pause, answer.after)
    if now + pause >= message.expires:
        keep(state, outcome, message, "failed", f"{answer.detail}; expired before the next try", now)
        return
    message.status, message.why = "waiting", answer.detail
    later(outcome, message, now + pause)


def jittered(pause: int, name: str) -> int:
    """A pause (ms) 20 % shorter to 20 % longer, the same for the same name."""
    share = int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big") / 2**32
    return round(pause * (0.8 + 0.4 * share))


def _break(held: ChannelState, answer: Answer, now: int) -> None:
    """Open the breaker after 5 failures of the channel in a row or in half of the last 20 calls; close it on a success."""
    if answer.kind == "not_begun":
        return
    held.latest = (held.latest + ("1" if answer.channel_down else "0"))[-BREAK_OF:]
    if held.opened:
        if answer.channel_down:
            held.probe = now + PROBE_MS
        else:
            held.opened, held.probe, held.latest = 0, 0, ""
        return
    half = len(held.latest) == BREAK_OF and held.latest.count("1") * 2 >= BREAK_OF
    if held.latest.endswith("1" * BREAK_AFTER) or half:
        held.opened, held.probe = now, now + PROBE_MS
