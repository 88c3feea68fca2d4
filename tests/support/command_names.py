"""Check whether words are a command of ``streamer``, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from streamer.cli import build


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the command, and the parameters it would be called with. Raises click's UsageError if it would refuse."""
    command: Any = typer.main.get_command(build())
    left = list(words)
    path: list[str] = []
    while getattr(command, "commands", None):
        if not left or left[0] not in command.commands:
            raise LookupError(f"streamer {' '.join(path)} has no command {left[:1]}")
        path.append(left[0])
        command = command.commands[left.pop(0)]
    return " ".join(path), command.make_context(path[-1], left).params


def is_command(words: Sequence[str]) -> bool:
    """Return whether the words begin with a command's whole name, and every option among them is one of its options."""
    command: Any = typer.main.get_command(build())
    left = list(words)
    while getattr(command, "commands", None):
        if not left and command.invoke_without_command:
            return True
        if not left or left[0] not in command.commands:
            return False
        command = command.commands[left.pop(0)]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return all(word.split("=")[0] in options for word in left if word.startswith("--"))
