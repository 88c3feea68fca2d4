"""Apply a channel's answer to a message: sent, retried, failed, or in doubt."""

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
    """The result of a call.

    Attributes
    ----------
    kind
        ``sent``: accepted. ``retry``: certainly not accepted, may be retried. ``refused``: certainly not accepted,
        and never will be. ``doubt``: unknown whether accepted. ``not_begun``: the call was never made.
    detail
        Response of the channel, for people; contains no address.
    after
        Pause (ms) requested by the receiver.
    channel_down
        Whether the channel itself is at fault rather than the message; counts for its breaker.
    gone
        Whether the receiver wants no further calls.
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
            # A claim whose process ended or lost its lease is not the channel's failure and uses up no retry.
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
    """Keep nothing of an erased customer's message, and drop it if it would be sent again."""
    if message.status == "waiting":
        finish(state, outcome, message, now, "erased", {})
    else:
        state.remove(message)
        outcome.messages.add(message.id)


def keep(
    state: State, outcome: Outcome, message: Message, status: Literal["failed", "doubtful"], why: str, now: int
) -> None:
    """Keep a message that is no longer being sent until a person releases or drops it."""
    play_state = state.ledger.plays[message.play]
    message.status, message.why = status, why
    if status == "failed":
        play_state.failed += 1
    else:
        play_state.doubtful += 1
    note(outcome, f"message.{status}", message, now, attempt=message.attempt, detail=why)


def _again(message: Message, channel: Channel, answer: Answer, state: State, outcome: Outcome, now: int) -> None:
    pauses = channel.how.pauses
    # Calls made before a release, or never begun, do not count as attempts.
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
    """Return a pause (ms) varied by ±20 %, which is always the same for the same name."""
    share = int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big") / 2**32
    return round(pause * (0.8 + 0.4 * share))


def _break(held: ChannelState, answer: Answer, now: int) -> None:
    """Open the breaker after 5 consecutive channel failures or 10 in the last 20 calls; close it on a success."""
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
