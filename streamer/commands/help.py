"""``help`` and ``version``, for users who do not know the options yet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.errors import UserError
from streamer import __version__
from streamer.commands import common


def register(app: typer.Typer) -> None:
    app.command("help")(help)
    app.command("version")(version)


def help(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Command to show help for.")
    ] = None,
) -> None:
    """Show help for streamer, a command group or a command.

    Example:  streamer help segments preview
    """
    found: Any = context.find_root()
    for number, word in enumerate(command or ()):
        commands = getattr(found.command, "commands", {})
        if word not in commands:
            wanted = " ".join((command or [])[: number + 1])
            known = ", ".join(commands) or "none"
            raise UserError(f"unknown command `{wanted}`", f"commands: {known}")
        found = typer.Context(commands[word], info_name=word, parent=found)
    common.console().print(found.get_help(), end="")


def version() -> None:
    """Show the version.

    Example:  streamer version
    """
    print(f"streamer {__version__}")
