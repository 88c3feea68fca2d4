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
            help=(
                "Run in a child process, and restart it if it stops with an error that a restart can fix. With --no-supervise, "
                "run in this process."
            ),
        ),
    ] = True,
) -> None:
    """Send the messages of started plays, until Ctrl-C or SIGTERM.

    Only one process sends; a second one is a standby. Start plays with `streamer plays start`.

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
