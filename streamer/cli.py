"""The command line. Each command is in a module of ``streamer.commands``; this only puts them together."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from streamer import __version__
from streamer.commands.common import Group

MODULES = (
    "demo",
    "servers",
    "worker",
    "topics",
    "keys",
    "lanes",
    "publish",
    "import_file",
    "replay",
    "report",
    "shop",
    "plays",
    "coupons",
    "act",
    "web",
    "tokens",
    "watch",
    "customer",
    "segments",
    "models",
    "learn",
    "evaluate",
    "deadletters",
    "parity",
    "doctor",
    "bench",
    "schemas",
    "help",
)
"""In the order of the help text."""

HELP = """Segment customers in real time: consume Kafka events, and publish every segment change.

Try it on this machine:  streamer demo

Step by step:  streamer up,  streamer worker,  streamer publish order --customer 17 --total 59.90,  streamer watch

Help for a command:  streamer help segments preview
"""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"streamer {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The Typer app with all commands."""
    app = typer.Typer(cls=Group, help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        pass

    for name in MODULES:
        import_module(f"streamer.commands.{name}").register(app)
    return app


def main() -> None:
    """The console script ``streamer``."""
    build()(prog_name="streamer")


if __name__ == "__main__":
    main()
