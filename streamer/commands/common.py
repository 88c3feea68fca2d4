"""Share code between commands: settings in force, errors in plain words, output and progress.

A command that uses the servers opens ``with connections() as to:`` (``streamer.client.connections``); answers are
computed in ``streamer.queries``. Workers beside the command run within ``with supervise.workers(("lanes", "owner"),
to.arguments()) as group:``.

Results are written to standard output, everything else to standard error, so that ``--json`` can be piped.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from typer.core import TyperGroup

from schemas.errors import TransientError, UserError
from schemas.screen_text import block, json_text
from streamer.commands.translations.localise import into_chinese, language
from streamer.config.settings import Settings
from streamer.embedded.home import Progress
from streamer.translations.phrases import chinese

if TYPE_CHECKING:
    from models.messages import Messages


EXIT_ERROR: Final = 1
EXIT_INTERRUPTED: Final = 130

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def settings(given: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings in force. ``given`` are command-line flags by field name, None for unset flags."""
    return Settings.load(given)


# -- output ---------------------------------------------------------------------------------------------------


class Screen(Console):
    """A console that strips terminal commands from every text, whatever its source (`schemas.screen_text`).

    Rich's own control sequences pass. Text is never interpreted as markup or emoji names.
    """

    def print(self, *objects: Any, **more: Any) -> None:
        """Print texts in the language in force."""
        super().print(*(in_language(one) if isinstance(one, str) else one for one in objects), **more)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(block(segment.text), segment.style)


def console() -> Console:
    """Return a console on standard output, created on each call because tests and pipes replace it. Honours ``NO_COLOR``."""
    return Screen(highlight=False, soft_wrap=True, markup=False, emoji=False)


def errors() -> Console:
    """Return a console on standard error."""
    return Screen(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def in_language(text: str) -> str:
    """The text in the language in force; English if it has no translation."""
    return chinese().translate(text) if language() == "zh" else text


def confirm(question: str, *, err: bool = False) -> None:
    """Ask a question in the language in force; end the command if the answer is no."""
    typer.confirm(in_language(question), abort=True, err=err)


def note(text: str) -> None:
    """Print a status line on standard error."""
    errors().print(text, markup=False)


def print_json(value: Any) -> None:
    """Print a JSON value on one line of standard output."""
    print(json_text(json.dumps(value, ensure_ascii=False, default=str)), flush=True)


def print_text(text: str) -> None:
    """Print a text meant for a file unchanged, except for characters that would control a terminal."""
    print(block(text), end="", flush=True)


def print_error(error: Exception) -> None:
    """Print an error in plain words, and how to fix it, on standard error."""
    from models.messages.translatable import in_language

    texts = _texts()
    message, hint = (error.message, error.hint) if isinstance(error, UserError) else (str(error), "try again")
    message, hint = str(in_language(message, texts)), str(in_language(hint, texts))
    out = errors()
    out.print("error:", message, style="red", markup=False)
    if hint:
        out.print(hint, markup=False)


def _texts() -> Messages:
    """Return the messages in the language in force, or in English if the settings are wrong."""
    from models.messages import messages

    try:
        return messages(settings().language)
    except UserError:
        return messages()


@contextmanager
def progress(title: str = "") -> Iterator[Progress]:
    """Yield a function that shows progress: a spinner on a terminal, otherwise lines on standard error."""
    out = errors()
    if not out.is_terminal:
        yield lambda text: out.print(text, markup=False)
        return
    with out.status(title or "...") as status:
        yield lambda text: status.update(text)


# -- the frame of all commands --------------------------------------------------------------------------------


class Group(TyperGroup):
    """A group whose commands end expected errors with plain words and an exit code, never with a traceback."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        # All options are present here, including those for completion, which Typer adds last.
        if language() == "zh":
            into_chinese(self)
        return super().make_context(*arguments, **more)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (UserError, TransientError) as error:
            print_error(error)
            raise typer.Exit(EXIT_ERROR) from None
        except KeyboardInterrupt:
            # A second Ctrl-C must not interrupt what the first is still ending; all blocks have ended by now.
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has closed the pipe, as `head` does. Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            where = f" ({error.filename})" if error.filename else ""
            print_error(
                UserError(
                    f"the disk is full{where}", "free some space, or set STREAMER_HOME to a folder on another disk"
                )
            )
            raise typer.Exit(EXIT_ERROR) from None


def customer_id(text: str) -> str:
    """Return the normalized form of an id given by a user. Raises UserError if it is invalid."""
    from schemas import ids

    try:
        return ids.customer_id(text)
    except ValueError as error:
        raise UserError(
            f"{text!r} is not a customer id ({error})", "use 1 to 128 characters and no control characters"
        ) from None


def group(name: str, help: str, example: str) -> typer.Typer:
    """Return an empty group of subcommands, such as ``topics``. Without a subcommand it shows its help, with an example."""
    return typer.Typer(
        name=name, help=f"{help}\n\nExample:  {example}", no_args_is_help=True, pretty_exceptions_enable=False
    )


def existing_file(path: str) -> Path:
    """Return a path given on the command line. Raises UserError if there is no such file."""
    found = Path(path).expanduser()
    if not found.is_file():
        raise UserError(f"no such file: {path}", "check the path")
    return found
