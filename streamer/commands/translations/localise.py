"""Translate the help of all commands to the language in force."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from schemas.errors import UserError
from streamer.commands.translations.help_chinese import COMMANDS
from streamer.commands.translations.options_chinese import OPTIONS
from streamer.config.settings import Settings
from streamer.translations.phrases import chinese

_FRAME: Final = {
    "ARGUMENTS_PANEL_TITLE": "参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "ERRORS_PANEL_TITLE": "错误",
    "DEFAULT_STRING": "[默认：{}]",
    "REQUIRED_LONG_STRING": "[必填]",
    "ABORTED_TEXT": "已中止。",
    "RICH_HELP": "用 [blue]'{command_path} {help_option}'[/] 查看帮助。",
}
"""Texts that Typer itself writes around the help, by their name in ``typer.rich_utils``."""
_WIDE: Final = "\u3000-\u9fff\uff00-\uffef"
"""Characters of Chinese text, punctuation included; a part of a pattern."""


def language() -> str:
    """Return the language in force. A wrong setting is reported by the command that needs it, not here."""
    try:
        return Settings.load(None).language
    except UserError:
        return "zh" if os.environ.get("STREAMER_LANGUAGE") == "zh" else "en"


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield a command and all commands below it, including hidden ones, with paths such as ``segments preview``."""
    yield " ".join(path), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


def into_chinese(root: Any) -> None:
    """Replace the help of a command, of all commands below it and of their options. Untranslated texts stay English."""
    import typer.rich_utils

    for name, text in _FRAME.items():
        setattr(typer.rich_utils, name, text)
    setattr(typer.rich_utils, "rich_format_error", _in_chinese(typer.rich_utils.rich_format_error))  # noqa: B010
    for path, command in commands(root):
        command.help = joined(COMMANDS[path]) if path in COMMANDS else command.help
        for parameter in command.params:
            help = getattr(parameter, "help", None)
            if help is not None:
                parameter.help = OPTIONS.get(help, help)
        _frame(command)


def joined(text: str) -> str:
    """Join the lines of each paragraph. Chinese text has a space only beside Latin letters.

    >>> joined("先检查，\\n再导入；\\n用 streamer\\n导入\\n\\n示例：  streamer up")
    '先检查，再导入；用 streamer 导入\\n\\n示例：  streamer up'
    """
    text = re.sub(rf"(?<=[{_WIDE}])\n(?=[{_WIDE}])|(?<=[，。；：、（）])\n(?=\S)", "", text)
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text)


def _in_chinese(show: Callable[[Any], None]) -> Callable[[Any], None]:
    """Wrap a function that shows command-line errors, so that it shows Chinese texts."""
    if getattr(show, "speaks_chinese", False):
        return show

    def show_in_chinese(error: Any) -> None:
        text = chinese().translate(error.format_message())
        error.format_message = lambda: text
        show(error)

    show_in_chinese.speaks_chinese = True  # type: ignore[attr-defined]
    return show_in_chinese


def _frame(command: Any) -> None:
    """Translate the two texts of a command that Typer creates only when showing them."""
    usage, option = command.get_usage, command.get_help_option

    def get_usage(context: Any) -> str:
        return str(usage(context)).replace("Usage:", "用法：", 1)

    def get_help_option(context: Any) -> Any:
        found = option(context)
        if found is not None:
            found.help = OPTIONS["Show this message and exit."]
        return found

    command.get_usage, command.get_help_option = get_usage, get_help_option
