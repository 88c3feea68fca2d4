"""What commands print in Chinese: `status`, `doctor` and errors."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from streamer.commands.words.phrases import chinese
from streamer.commands.words.phrases_chinese import PHRASES

ROOT = Path(__file__).parents[3] / "streamer"
_TRANSLATED: Final = ("commands/servers.py", "commands/customer.py")
"""Modules whose sentences all have Chinese."""
_SENTENCE: Final = re.compile(r"[a-z]{2,} [a-z]{2,}")


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _chinese(template: str) -> bool:
    """Whether each way to fill the template is Chinese; a value may be a sentence's own end."""
    filled = (template.replace("{}", value) for value in ("7", "are refused"))
    return any(re.search(r"[\u4e00-\u9fff]", chinese().translate(text)) for text in filled)


def sentences(path: Path) -> list[str]:
    """What a module prints or raises: arguments of print, note, UserError and Finding."""
    calls = [one for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(one, ast.Call)]
    names = {"print", "note", "UserError", "Finding"}
    prints = [one for one in calls if (getattr(one.func, "attr", "") or getattr(one.func, "id", "")) in names]
    found = [_template(argument) for one in prints for argument in one.args]
    return [text for text in found if _SENTENCE.search(text)]


@pytest.mark.parametrize("name", _TRANSLATED)
def test_every_sentence_has_chinese(name: str) -> None:
    found = sentences(ROOT / name)
    assert found
    left = [text for text in found if text not in PHRASES and not _chinese(text)]
    assert not left, "write them in streamer/commands/words/phrases_chinese.py:\n" + "\n".join(left)


@pytest.mark.parametrize("english", PHRASES)
def test_a_translation_has_the_values_of_the_english_text(english: str) -> None:
    wanted = {str(number) for number in range(english.count("{}"))}
    assert set(re.findall(r"\{(\d)\}", PHRASES[english])) == wanted


@pytest.mark.parametrize("command", ["status", "doctor", "customer show 17", "help nothing", "segments list"])
def test_without_servers_commands_speak_chinese(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamer.cli", *command.split()],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={
            "STREAMER_LANGUAGE": "zh",
            "STREAMER_HOME": str(tmp_path),
            "TERM": "dumb",
            "COLUMNS": "300",
            "PYTHONUTF8": "1",
        },
    )
    assert done.returncode == 1, done.stderr
    printed = re.sub(r"`[^`]*`|STREAMER_\S+.*", "", done.stdout + done.stderr)
    assert re.search(r"[\u4e00-\u9fff]", printed)
    assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", printed), printed
