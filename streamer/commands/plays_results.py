"""``plays list``, ``show`` and others: list plays, and messages that wait or need a decision."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.plays_orders import PLAYS, File, Name, give
from streamer.queries.plays import (
    declared_in,
    kept,
    power,
    previewed,
    segments_in_force,
    shown,
    standing,
    with_shipped,
)

if TYPE_CHECKING:
    from streamer.act.heart.state import Message
    from streamer.client.connections import Connections

Release = Annotated[bool, typer.Option("--release", help="Send the selected messages.")]
Drop = Annotated[bool, typer.Option("--drop", help="Discard the selected messages.")]
OfPlay = Annotated[str | None, typer.Option("--play", help="Select only messages of this play.")]
OfId = Annotated[str | None, typer.Option("--message", help="Select only the message with this id.")]
_SHOWN = 20
_DAYS = 30
"""Number of days of changes that a preview uses."""
_KEPT = {"waiting": "waiting for a yes", "doubtful": "doubtful", "failed": "failed"}


def list_(json: Json = False) -> None:
    """List every play that was ever started, and what happened to its messages.

    Example:  streamer plays list
    """
    from streamer.act.reader import state_of

    with connections() as to:
        state = state_of(to.kafka)
    answer = {name: standing(name, play, state) for name, play in state.ledger.plays.items()}
    if json:
        common.print_json(answer)
        return
    if not answer:
        common.console().print("no play was started yet: `streamer plays start PLAY`", markup=False)
    for name, one in answer.items():
        print_funnel(f"{name} ({one['status']}{', ' + one['why'] if one['why'] else ''})", one)


def show(name: Name, file: File = PLAYS, json: Json = False) -> None:
    """Show a play: its state, its messages, and how long until its effect is known.

    If the play was never started, shows what it would have done with the changes of the last 30 days.

    Example:  streamer plays show win_back
    """
    from streamer.act.reader import state_of

    now = time.time_ns() // 1_000_000
    with connections() as to:
        state = state_of(to.kafka)
        if name not in state.ledger.plays and file.exists():
            _show_unstarted(to, name, file, now, json)
            return
    play = state.started(name)
    declared = state.books[play.version].plays[name]
    answer = {**standing(name, play, state), **power(declared, play.drawn.n, (now - play.since) / 86_400_000)}
    if json:
        common.print_json(answer)
        return
    out = common.console()
    print_funnel(f"{name} ({answer['status']}{', ' + answer['why'] if answer['why'] else ''})", answer)
    print_power(answer)
    if play.approve:
        out.print(
            f"  the next {Count(play.approve):|message} {Count(play.approve):~waits|wait} for your approval: "
            f"`streamer plays waiting --play {name}`",
            markup=False,
        )
    out.print(f"  version {play.version} of the file, since {answer['since']}; {declared.kind}, by {declared.channel}")
    if declared.condition is not None:
        out.print(f"  if: {declared.condition.text}", markup=False)


def _show_unstarted(to: Connections, name: str, file: Path, now: int, json: bool) -> None:
    from streamer.act.reader import book_of

    book = book_of(file, with_shipped(segments_in_force(to)))
    answer = previewed(to, book, [declared_in(book, name).name], _DAYS, now)[1][name]
    if json:
        common.print_json({"status": "not started", **answer})
        return
    print_funnel(f"{name} (not started; what it would have done in the last {_DAYS} days)", answer)
    print_power(answer)


def waiting(
    play: OfPlay = None, message: OfId = None, release: Release = False, drop: Drop = False, json: Json = False
) -> None:
    """List messages that wait for their send time, the end of quiet hours, budget or your approval.

    Only messages that wait for approval (`plays start --approve`) can be released or dropped.

    Example:  streamer plays waiting --play win_back --release
    """
    _messages("waiting", play, message, release, drop, json)


def doubtful(
    play: OfPlay = None, message: OfId = None, release: Release = False, drop: Drop = False, json: Json = False
) -> None:
    """List messages that may or may not have been sent. They are not sent again unless you release them.

    Example:  streamer plays doubtful --play win_back --release
    """
    _messages("doubtful", play, message, release, drop, json)


def failed(
    play: OfPlay = None, message: OfId = None, release: Release = False, drop: Drop = False, json: Json = False
) -> None:
    """List messages that failed and will not be retried.

    Example:  streamer plays failed --play win_back --release
    """
    _messages("failed", play, message, release, drop, json)


def _messages(
    status: Literal["waiting", "doubtful", "failed"],
    play: str | None,
    message: str | None,
    release: bool,
    drop: bool,
    json: bool,
) -> None:
    from streamer.act.reader import state_of

    if release and drop:
        raise typer.BadParameter("--release and --drop exclude each other", param_hint="--release")
    with connections() as to:
        found = sorted(kept(state_of(to.kafka), status, play, message), key=lambda one: one.due)
        if release or drop:
            _decide("release" if release else "drop", to, found, status, message, json)
            return
    answer = [shown(one) for one in found]
    if json:
        common.print_json(answer)
        return
    out = common.console()
    out.print(f"{len(answer):,} {status}", markup=False)
    for one in answer[:_SHOWN]:
        if one["customer_id"] is None:
            out.print(f"  {one['message_id']}  {one['play']}  for you (the owner)  {one['why']}", markup=False)
        else:
            out.print(
                f"  {one['message_id']}  {one['play']}  customer {one['customer_id']}  {one['why']}", markup=False
            )


def _decide(
    action: Literal["release", "drop"],
    to: Connections,
    found: list[Message],
    status: Literal["waiting", "doubtful", "failed"],
    message: str | None,
    json: bool,
) -> None:
    """Send commands for kept messages, play by play."""
    from schemas.act import PlayCommand

    if status == "waiting":
        found = [one for one in found if one.why == "approve"]
    if not found:
        raise UserError(f"no matching message is {_KEPT[status]}", f"list messages with `streamer plays {status}`")
    for name in sorted({one.play for one in found}):
        count = sum(one.play == name for one in found)
        order = PlayCommand(action=action, play=name, status=status, message_id=message)
        give(to, order, f"{name}: {count} {'are sent' if action == 'release' else 'are dropped'}", json)


def print_funnel(title: str, answer: dict[str, Any]) -> None:
    out = common.console()
    out.print(title, markup=False)
    kept = [(name, answer[name]) for name in ("sent", "withheld", "waiting", "failed", "doubtful") if answer.get(name)]
    gates = [
        (f"dropped at {gate}", count) for gate, count in sorted(answer["dropped"].items(), key=lambda one: -one[1])
    ]
    out.print(f"  {answer['planned']:>8,} planned", markup=False)
    for name, count in (*kept, *gates):
        out.print(f"  {count:>8,} {name}", markup=False)
    for template, count in answer.get("templates", {}).items():
        out.print(f"           {template}: {count:,}", markup=False)


def print_power(answer: dict[str, Any]) -> None:
    """Print the time until it is known whether a play works."""
    if answer["months_needed"] is not None:
        common.console().print(
            f"  with {answer['a_month']:,.0f} of these a month you will know in about {Count(answer['months_needed']):|month}"
            " whether it is worth 5 points",
            markup=False,
        )


def print_who(answer: dict[str, Any]) -> None:
    """Print the first customers of each outcome."""
    for outcome, ids in answer["who"].items():
        common.console().print(f"    {outcome}: {', '.join(ids)}", markup=False)
