"""Carry out users' commands: start, pause or stop a play; release or drop kept messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from schemas.act import PlayCommand
from streamer.act.heart import by_hand
from streamer.act.heart.measure import reset
from streamer.act.heart.moves import finish, later
from streamer.act.heart.state import Message, Outcome, PlayState, State
from streamer.act.plays.book import Book


def command(order: PlayCommand, book: Book | None, state: State, outcome: Outcome, now: int) -> None:
    """Carry out one command.

    Parameters
    ----------
    book
        File of plays sent with a ``start``; its version is the next one.

    Raises
    ------
    UserError
        The play was never started.
    """
    outcome.moved = True
    if order.action == "start":
        assert book is not None
        _start(order, book, state, outcome, now)
    else:
        _ACTIONS[order.action](order, state.started(order.play), state, outcome, now)


def _start(order: PlayCommand, book: Book, state: State, outcome: Outcome, now: int) -> None:
    """Run a play by a new version of the file. Waiting messages keep the version that planned them."""
    name, newest = order.play, state.books.get(state.ledger.book)
    if newest is None or (newest.text, newest.templates) != (book.text, book.templates):
        state.books[book.version] = book
        state.ledger.book = book.version
        outcome.books.add(book.version)
    version, held = state.ledger.book, state.ledger.plays.get(name)
    if held is None:
        state.ledger.plays[name] = PlayState("running", version, 1, now, approve=order.approve)
    else:
        if held.status == "stopped":
            held.epoch, held.since = held.epoch + 1, now
            reset(held)
        held.status, held.version, held.why, held.hours = "running", version, "", {}
        held.approve = order.approve
        if not held.approve:
            by_hand.free(name, state, outcome, now)
    _forget_books(state, outcome)


def _forget_books(state: State, outcome: Outcome) -> None:
    used = {state.ledger.book, *(play.version for play in state.ledger.plays.values())}
    used.update(message.version for message in state.messages.values())
    used.update(measure.version for measure in state.measures.values())
    for version in [version for version in state.books if version not in used]:
        del state.books[version]
        outcome.books.add(version)


def _pause(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    held.status, held.why = "paused", "by hand"


def _stop(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    held.status, held.why = "stopped", ""
    for message in _waiting(state, order.play):
        finish(state, outcome, message, now, "stopped", {})


def _release(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    """Send kept messages after all, because a person decided that a duplicate does less harm than no message."""
    if order.status == "waiting":
        by_hand.decide(order, held, state, outcome, now)
        return
    for message in _kept(order, state):
        _take_back(message, held)
        message.status, message.released = "waiting", message.attempt
        message.expires = max(message.expires, now + state.books[message.version].plays[message.play].expires)
        later(outcome, message, now)


def _drop(order: PlayCommand, held: PlayState, state: State, outcome: Outcome, now: int) -> None:
    """Drop kept messages. A doubtful message still counts as doubtful."""
    if order.status == "waiting":
        by_hand.decide(order, held, state, outcome, now)
        return
    for message in _kept(order, state):
        state.remove(message)
        outcome.messages.add(message.id)


def _take_back(message: Message, held: PlayState) -> None:
    if message.status == "failed":
        held.failed -= 1
    else:
        held.doubtful -= 1


def _waiting(state: State, play: str) -> list[Message]:
    found = [one for one in state.messages.values() if one.play == play and one.status == "waiting"]
    return sorted(found, key=lambda one: one.id)


def _kept(order: PlayCommand, state: State) -> list[Message]:
    """Return the kept messages of a command: all of the play with its status, or the one it names."""
    found = [
        one
        for one in state.messages.values()
        if one.play == order.play and one.status == order.status and order.message_id in (None, one.id)
    ]
    return sorted(found, key=lambda one: one.id)


_ACTIONS: Final[dict[str, Callable[[PlayCommand, PlayState, State, Outcome, int], None]]] = {
    "pause": _pause,
    "stop": _stop,
    "release": _release,
    "drop": _drop,
    "first": by_hand.first,
}
