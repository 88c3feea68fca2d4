"""Test that every error and note for people has a Chinese sentence, found by reading the code."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from printed_texts import template

from streamer.translations.phrases import TABLE, TABLES, chinese

ROOT = Path(__file__).parents[3]
_RAISED = {"UserError", "TransientError"}


def _texts(node: ast.expr) -> list[str]:
    """Return the English texts that an argument may be, with ``{}`` for each value; none if the text is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr():
            return [template(node)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [first + second for first in _texts(left) or ["{}"] for second in _texts(right) or ["{}"]]
        case ast.IfExp(body=body, orelse=otherwise):
            return [*_texts(body), *_texts(otherwise)]
    return []


def _spoken(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id=name) if name in _RAISED:
            return True
        case ast.Attribute(value=ast.Name(id="common"), attr="note" | "confirm"):
            return True
    return False


def _found() -> Iterator[tuple[str, str]]:
    for package in ("schemas", "models", "streamer"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _spoken(node):
                    for argument in node.args:
                        for text in _texts(argument):
                            if re.search("[A-Za-z]{2}", text.replace("{}", "")):
                                yield str(path.relative_to(ROOT)), text


FOUND = sorted(set(_found()))


def test_there_are_errors_to_look_at() -> None:
    assert len(FOUND) > 300


@pytest.mark.parametrize("path", sorted({path for path, _ in FOUND}))
def test_errors_and_notes_of_a_file_have_chinese_sentences(path: str) -> None:
    missing = [text for one, text in FOUND if one == path and text not in TABLE]
    assert not missing, "write them in streamer/translations/errors_chinese.py"


@pytest.mark.parametrize("english", sorted(text for text in TABLE if "{}" in text))
def test_a_sentence_keeps_its_values(english: str) -> None:
    values = [f"<{number}>" for number in range(english.count("{}"))]
    chinese_text = TABLE[english].format(*values)
    assert all(value in chinese_text for value in values)


def test_a_sentence_stands_in_one_table() -> None:
    times = Counter(english for table in TABLES for english in table)
    assert [english for english, count in times.items() if count > 1] == []


def test_an_error_with_values_is_said_in_chinese() -> None:
    assert chinese().translate("no such token: shop") == "没有令牌 shop"
    assert (
        chinese().translate("the embedded servers are already running with other settings")
        == "已有服务器在运行，但设置不同"
    )
