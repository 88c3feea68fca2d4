"""``act``: the process that sends the messages of plays."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.asked import asked_to_end


def register(app: typer.Typer) -> None:
    app.command("act")(act)


def act(
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervise/--no-supervise",
            help="Start the process again that ended because only a fresh start may go on; without it, run it here.",
        ),
    ] = True,
) -> None:
    """Send the messages of plays that were started, until Ctrl-C or SIGTERM.

    One process sends; a second one waits until the first is gone. Plays are started with `streamer plays start`.

    Example:  streamer act
    """
    with connections() as to:
        from streamer.commands.worker import prepare

        prepare(to)
        if not supervised:
            from streamer.act import process

            process.run(to.settings, to.embedded_kafka, to.embedded_redis)
            return
        arguments = to.arguments()
    from streamer.runtime import supervise

    command = [sys.executable, "-P", "-m", "streamer.act.process", "--follow-parent", *arguments]
    child = supervise.Child(command, told=common.note)
    group = supervise.Workers({"act": child})
    with asked_to_end() as asked:
        try:
            group.start()
            common.note("act sends the messages of plays; Ctrl-C ends it")
            while group.alive and not asked.wait(0.2):
                pass
        finally:
            group.stop()
        failed = group.failed
    if failed and asked.number is None:
        raise typer.Exit(common.EXIT_ERROR)
    if asked.number == signal.SIGINT:
        raise typer.Exit(common.EXIT_INTERRUPTED)
