"""``plays start``, ``pause`` and ``stop``: send commands to `streamer act`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.queries.plays import declared_in, segments_in_force, switched_off, with_shipped

if TYPE_CHECKING:
    from schemas.act import PlayCommand
    from streamer.client.connections import Connections

Name = Annotated[str, typer.Argument(metavar="PLAY", help="Name of the play.")]
File = Annotated[
    Path, typer.Option("--file", "-f", help=("Path of the plays file. Templates are read from templates/ beside it."))
]
PLAYS = Path("plays.toml")
TURN_ON = "`streamer segments file > segments.toml`, take its `active = false` out, `streamer segments activate segments.toml`"
"""How to put a shipped segmentation that is off into force."""
_NOBODY = "no `streamer act` has answered: what you ordered takes effect as soon as one runs"


def start(
    name: Name,
    file: File = PLAYS,
    approve: Annotated[
        int, typer.Option(min=0, help="Hold this many messages for your approval before sending freely.")
    ] = 0,
    json: Json = False,
) -> None:
    """Start a play, or resume a paused one, with the current version of the plays file.

    A play acts only on changes after it starts. Messages that are already waiting keep the version that planned them.

    With --approve, the first messages pass all gates and then wait for your approval. List them with `streamer plays
    waiting --play PLAY`, then add --release to send them or --drop to discard them.

    Example:  streamer plays start win_back --approve 10
    """
    from schemas.act import PlayCommand
    from streamer.act.reader import book_of

    with connections() as to:
        in_force = segments_in_force(to)
        segments = with_shipped(in_force)
        book = book_of(file, segments)
        if (off := switched_off(declared_in(book, name), in_force)) is not None:
            raise UserError(f"{name} needs the segmentation {off}, which is not active", TURN_ON)
        order = PlayCommand(
            action="start",
            play=name,
            text=book.text,
            templates=dict(book.templates),
            segments={one: None if ids is None else tuple(sorted(ids)) for one, ids in segments.items()},
            source=book.source,
            approve=approve,
        )
        give(to, order, f"{name} runs", json)


def pause(name: Name, json: Json = False) -> None:
    """Pause a play. It still plans messages, but sends none; they expire as usual.

    Example:  streamer plays pause win_back
    """
    _order("pause", name, f"{name} is paused; `streamer plays start {name}` resumes it", json)


def stop(name: Name, json: Json = False) -> None:
    """Stop a play and drop its waiting messages. Starting it again draws new holdouts.

    Example:  streamer plays stop win_back
    """
    _order("stop", name, f"{name} is stopped", json)


def _order(action: Literal["pause", "stop"], name: str, answer: str, json: bool) -> None:
    from schemas.act import PlayCommand
    from streamer.act.reader import state_of

    with connections() as to:
        state_of(to.kafka).started(name)
        give(to, PlayCommand(action=action, play=name), answer, json)


def give(to: Connections, order: PlayCommand, answer: str, json: bool) -> None:
    from streamer.act import reader

    done = reader.give(to.kafka, order, to.settings.control_keys)
    if json:
        common.print_json({"play": order.play, "action": order.action, "done": done})
    else:
        common.console().print(answer if done else _NOBODY, markup=False)
