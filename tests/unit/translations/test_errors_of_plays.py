"""Test that every mistake in a file of plays is reported in Chinese, found by reading the code that checks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from act_world import HEAD, SEGMENTS, play

from schemas.errors import UserError
from streamer.act.plays.declared import load
from streamer.translations.phrases import TABLE, chinese

ROOT = Path(__file__).parents[3]
# Arguments of these calls that people read.
_READ = {"_fail": slice(1, None), "Problem": slice(1, None), "Option": slice(1, 2), "ExpressionError": slice(1, None)}
_FILES = ("streamer/act/plays/declared.py", "streamer/act/plays/channel_kinds.py", "models/rules/expressions.py")
_RAISING = (
    "streamer/act/plays/declared.py",
    "streamer/act/plays/spans.py",
    "streamer/act/plays/weekly.py",
    "streamer/act/plays/coupon_rule.py",
)


def _template(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _sentences() -> Iterator[str]:
    for path in {*_FILES, *_RAISING}:
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            read = node.args[_READ[name]] if name in _READ and path in _FILES else []
            if name == "ValueError" and path in _RAISING:
                read = node.args
            yield from (text for one in read if re.search("[a-z]{2}", text := _template(one)))


_FILLED = {"{} has no {}": "a play has no 7", "{} names {}": "to names 7"}
"""Sentences whose first value is also text from the code."""

FOUND = sorted(set(_sentences()))


def test_there_are_sentences_to_look_at() -> None:
    assert len(FOUND) > 90


@pytest.mark.parametrize("english", FOUND)
def test_a_sentence_is_chinese(english: str) -> None:
    text = english if english in TABLE else _FILLED.get(english, english.replace("{}", "7"))
    assert re.search(r"[\u4e00-\u9fff]", chinese().translate(text)), english


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("holdout = 0\n", "holdout = 1.5\n", "plays.toml 第 18 行：holdout 不能是 1.5", "应为 0 到 0.9 之间的比例"),
        (
            '"30 days"',
            '"30 dayz"',
            "plays.toml 第 17 行：again 不能是 '30 dayz'",
            "应为时长，例如 24 hours、3 days 或 never",
        ),
        (
            '"at_risk"',
            '"at_rsk"',
            "plays.toml 第 15 行：to 的值 'at_rsk' 无效",
            "是不是要写 at_risk？lifecycle 的分群：active, at_risk, champion, hibernating, lost, loyal, new, prospect",
        ),
        (
            'channel = "mail"',
            'channel = "male"',
            "plays.toml 第 16 行：channel 不能是 'male'",
            "是不是要写 mail？可用渠道：hook, mail",
        ),
        ('host = "localhost"\n', "", "plays.toml 第 6 行：渠道 mail 缺少 host", "应为邮件服务器"),
        (
            "holdout = 0\n",
            'if = "orders >= many"\n',
            "plays.toml 第 18 行：if，第 11 个字符：orders 是数字，而 many 不是",
            "请与数字比较",
        ),
    ],
)
def test_a_mistake_is_said_in_chinese(old: str, new: str, message: str, hint: str) -> None:
    with pytest.raises(UserError) as raised:
        load((HEAD + play()).replace(old, new, 1), 1, SEGMENTS)
    said = chinese()
    assert (said.translate(raised.value.message), said.translate(raised.value.hint)) == (message, hint)
