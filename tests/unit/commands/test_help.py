"""Test the help of every command: it has an example, and the same in Chinese."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, Final

import pytest
import typer.main

from streamer.cli import build
from streamer.commands.translations.help_chinese import COMMANDS
from streamer.commands.translations.localise import commands
from streamer.commands.translations.options_chinese import OPTIONS, ROLE_HELP
from streamer.runtime.roles import ROLES

SHOWN: Final[dict[str, Any]] = {
    path: command for path, command in commands(typer.main.get_command(build())) if not command.hidden
}
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH: Final = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")


@pytest.mark.parametrize("path", SHOWN)
def test_every_command_has_help_in_chinese_with_the_same_example(path: str) -> None:
    english, chinese = SHOWN[path].help, COMMANDS[path]
    assert _CHINESE.search(chinese)
    if path:
        example = re.search(r"^Example:  (.+)$", english, re.MULTILINE)
        assert example, f"give `streamer {path}` an example"
        assert f"示例：  {example[1]}" in chinese


@pytest.mark.parametrize("path", SHOWN)
def test_every_option_has_help_in_chinese(path: str) -> None:
    texts = {
        parameter.help
        for parameter in SHOWN[path].params
        if getattr(parameter, "help", None) and not getattr(parameter, "hidden", False)
    }
    assert texts - OPTIONS.keys() == set(), "write them in streamer/commands/translations/options_chinese.py"


def test_no_help_in_chinese_is_of_an_option_that_is_gone() -> None:
    shown = {
        getattr(one, "help", None) for command in SHOWN.values() for one in command.get_params(typer.Context(command))
    }
    assert OPTIONS.keys() - shown == set()


def test_every_role_has_help_in_chinese() -> None:
    assert [*ROLE_HELP] == [*ROLES], "write it in streamer/commands/translations/options_chinese.py"


def test_a_help_page_has_no_english_sentence_in_chinese() -> None:
    code = (
        "import typer, typer.main; from streamer.cli import build\n"
        "from streamer.commands.translations.localise import commands, into_chinese\n"
        "root = typer.main.get_command(build())\n"
        "into_chinese(root)\n"
        "for path, command in commands(root):\n"
        "    print(typer.Context(command, info_name=path or 'streamer').get_help())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env={"STREAMER_LANGUAGE": "zh", "TERM": "dumb", "COLUMNS": "300", "PYTHONUTF8": "1", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    lines = [
        line
        for line in done.stdout.splitlines()
        if "streamer " not in line and "用法" not in line and _ENGLISH.search(line)
    ]
    assert not lines, "\n".join(lines)
