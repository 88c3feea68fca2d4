"""Test commands' output in Chinese: `status`, `doctor` and errors."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from printed_texts import template

from streamer.translations.phrases import chinese
from streamer.translations.phrases_chinese import PHRASES
from streamer.translations.phrases_of_files_chinese import PHRASES_OF_FILES

ROOT = Path(__file__).parents[3] / "streamer"
_TRANSLATED: Final = (
    "commands/servers.py",
    "commands/customer.py",
    "commands/files.py",
    "commands/check_file.py",
    "commands/import_file.py",
    "commands/replay.py",
    "imports/importer.py",
)
"""Modules whose sentences all have Chinese translations."""
_SENTENCE: Final = re.compile(r"[a-z]{2,} [a-z]{2,}")


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return template(node)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _chinese(template: str) -> bool:
    """Return whether each way to fill the template is Chinese; a value may be a sentence's own end."""
    filled = (template.replace("{}", value) for value in ("7", "are refused"))
    return any(re.search(r"[\u4e00-\u9fff]", chinese().translate(text)) for text in filled)


def sentences(path: Path) -> list[str]:
    """Return what a module prints or raises: arguments of print, note, UserError and Finding."""
    calls = [one for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(one, ast.Call)]
    names = {"print", "note", "UserError", "Finding"}
    prints = [one for one in calls if (getattr(one.func, "attr", "") or getattr(one.func, "id", "")) in names]
    found = [_template(argument) for one in prints for argument in one.args]
    return [text for text in found if _SENTENCE.search(text)]


@pytest.mark.parametrize("name", _TRANSLATED)
def test_every_sentence_has_chinese(name: str) -> None:
    found = sentences(ROOT / name)
    assert found
    left = [text for text in found if text not in EVERY and not _chinese(text)]
    assert not left, "write them in streamer/translations/phrases_chinese.py:\n" + "\n".join(left)


EVERY: Final = {**PHRASES, **PHRASES_OF_FILES}


@pytest.mark.parametrize("english", EVERY)
def test_a_translation_has_the_values_of_the_english_text(english: str) -> None:
    wanted = {str(number) for number in range(english.count("{}"))}
    assert set(re.findall(r"\{(\d)\}", EVERY[english])) == wanted


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


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["replay"], "缺少参数 'file'。"),
        (["replay", "x", "--nothing"], "没有选项"),
        (["import", "x", "y"], "多余的参数（y）"),
        (["segments", "members", "x", "--limit", "many"], "'--limit' 的值无效：应为整数"),
        (["nothing"], "没有命令 'nothing'"),
    ],
)
def test_errors_of_the_command_line_itself_speak_chinese(tmp_path: Path, command: list[str], message: str) -> None:
    environment = {
        "PATH": "",
        "HOME": str(tmp_path),
        "STREAMER_LANGUAGE": "zh",
        "COLUMNS": "200",
        "XDG_DATA_HOME": "/dev/null",
    }
    done = subprocess.run([sys.executable, "-m", "streamer", *command], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr, done.stderr
