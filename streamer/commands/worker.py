"""``worker``: run the lanes and the model owner."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import Annotated

import typer

from models.messages.count import Count
from streamer.client.connections import Connections, connections
from streamer.commands import common
from streamer.commands.end_requests import end_requests
from streamer.runtime import supervise
from streamer.runtime.roles import ALWAYS, HELP, ROLES, Start

_ALL = "all"


def _known(role: str) -> str:
    if role not in (*ROLES, _ALL):
        raise typer.BadParameter(f"{role!r} is not one of {', '.join((*ROLES, _ALL))}")
    return role


def register(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(
    role: Annotated[
        str,
        typer.Option(
            metavar=f"[{'|'.join((*ROLES, _ALL))}]",
            help=f"Role to run: {HELP} or {_ALL} ({' and '.join(ALWAYS)}).",
            callback=_known,
        ),
    ] = _ALL,
    supervised: Annotated[
        bool,
        typer.Option(
            "--supervise/--no-supervise",
            help=(
                "Restart worker processes that stop with an error that a restart can fix. With --no-supervise, run a "
                "single role in this process."
            ),
        ),
    ] = True,
) -> None:
    """Run a worker until Ctrl-C or SIGTERM. Missing topics are created first.

    Run at most one `--role lanes` worker per lane, on any number of machines, and one or two `--role owner` workers.
    The second owner is a standby. Metrics are served at http://127.0.0.1:9464/metrics.

    Example:  streamer worker --role lanes
    """
    if role == _ALL and not supervised:
        raise typer.BadParameter(f"--no-supervise runs a single role; pass {' or '.join(ROLES)}", param_hint="--role")
    with connections() as to:
        prepare(to)
        if not supervised:
            from streamer.runtime import process

            process.run(to.settings, role, Start(to.embedded_kafka, to.embedded_redis))
            return
        arguments = to.arguments()
    keep_running(ALWAYS if role == _ALL else (role,), arguments)


def prepare(to: Connections) -> None:
    """Create missing topics, and check that Redis answers. Raises UserError if a worker could not start."""
    from streamer.adapters.redis_reader import connect, try_view
    from streamer.adapters.topics import create_topics, lane_count

    prefix = to.kafka.prefix
    lanes = to.wanted_lanes or lane_count(to.bootstrap, prefix, security=to.security) or to.settings.lanes
    created = create_topics(to.bootstrap, prefix=prefix, lanes=lanes, security=to.security)
    if created:
        common.note(f"made {Count(len(created)):|topic} with {Count(lanes):|lane}")
    with closing(connect(to.redis_url, to.redis_options)) as client:
        try_view(client, to.redis_prefix)


def keep_running(roles: tuple[str, ...], arguments: list[str]) -> None:
    """Supervise worker processes until Ctrl-C or SIGTERM, or until one cannot continue."""
    with end_requests() as requested, supervise.workers(roles, arguments, report=common.note) as group:
        common.note(f"running {' and '.join(roles)}; stop with Ctrl-C")
        while group.alive and not requested.wait(0.2):
            pass
        failed = group.failed
    if failed and requested.number is None:
        raise typer.Exit(common.EXIT_ERROR)
    if requested.number == signal.SIGINT:
        raise typer.Exit(common.EXIT_INTERRUPTED)
