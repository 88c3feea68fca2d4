"""``act``: run the process that sends the messages of plays."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.client.connections import connections
from streamer.commands.worker import keep_running, prepare
from streamer.runtime.roles import Start


def register(app: typer.Typer) -> None:
    app.command("act")(act)


def act(
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervise/--no-supervise",
            help="Run in a child process that is restarted when it needs a fresh start; with --no-supervise, run here.",
        ),
    ] = True,
) -> None:
    """Send the messages of plays that were started, until Ctrl-C or SIGTERM.

    One process sends; a second one waits until the first exits. Plays are started with `streamer plays start`.

    Example:  streamer act
    """
    with connections() as to:
        prepare(to)
        if not supervised:
            from streamer.runtime import process

            process.run(to.settings, "act", Start(to.embedded_kafka, to.embedded_redis))
            return
        arguments = to.arguments()
    keep_running(("act",), arguments)
