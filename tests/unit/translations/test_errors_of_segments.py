"""Test that every mistake in a file of segments is reported in Chinese, found by reading the code that checks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from printed_texts import template

from models.rules.declared import load
from schemas.errors import UserError
from streamer.sources.mapping import read_mapping
from streamer.translations.phrases import TABLE, chinese

RULES = Path(__file__).parents[3] / "models" / "rules"
_FILES = ("bands.py", "declared.py", "expressions.py", "guards.py", "reader.py", "rules.py")
_READ = {
    "fail": slice(1, None),
    "_fail": slice(1, None),
    "ExpressionError": slice(1, None),
    "UserError": slice(0, None),
}
_MADE_OF_PARTS = {
    "{} has no {}",
    "{} is {}, and no number",
    "{} of {} is {}",
    '{} = {{ name = "...", meaning = "..." }}',
    '{} = { name = "...", meaning = "..." }',
}
"""Sentences whose first value is text from the code; each is in the table with that text, and below as an example."""


def _texts(node: ast.expr) -> list[str]:
    match node:
        case ast.JoinedStr():
            return [template(node)]
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=otherwise):
            return [*_texts(body), *_texts(otherwise)]
    return []


def _sentences() -> Iterator[str]:
    for name in _FILES:
        for node in ast.walk(ast.parse((RULES / name).read_text(encoding="utf-8"))):
            called = (
                getattr(node.func, "attr", "") or getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            )
            if isinstance(node, ast.Call) and called in _READ:
                yield from (
                    text for one in node.args[_READ[called]] for text in _texts(one) if re.search("[a-z]{2}", text)
                )


FOUND = sorted(set(_sentences()) - _MADE_OF_PARTS)


def test_there_are_sentences_to_look_at() -> None:
    assert len(FOUND) > 80


@pytest.mark.parametrize("english", FOUND)
def test_a_sentence_is_chinese(english: str) -> None:
    text = english if english in TABLE else english.replace("{}", "7")
    assert re.search(r"[\u4e00-\u9fff]", chinese().translate(text)), english


RULED = """
[size]
kind = "rules"
rules = [ { segment = "big", when = "orders >= 2" }, { segment = "small" } ]
[size.segments]
big = { name = "Big" }
small = { name = "Small" }
"""
BANDED = """
[worth]
kind = "bands"
feature = "spend"
bands = [ { segment = "low" }, { segment = "high", from = 50, exit = 40 } ]
[worth.segments]
low = {}
high = {}
"""


def _said(text: str) -> str:
    with pytest.raises(UserError) as raised:
        load(text, 1, "my.toml")
    said = chinese()
    return "\n".join((said.translate(raised.value.message), said.translate(raised.value.hint or "")))


def _english_left(text: str) -> list[str]:
    """Return two English words in a row that are not a name, path or piece of TOML."""
    return re.findall(r"\b[a-z]+ [a-z]+ [a-z]+\b", re.sub(r"`[^`]*`|'[^']*'|\{[^}]*\}|\S*[/_.]\S*", "", text))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[size]", "odd = 1\n[size]", "'odd' 不是表"),
        ('kind = "rules"', 'kind = "rule"', "size 的 kind 是 'rule'"),
        ('kind = "rules"', 'kind = "clusters"', "kind 不能是 clusters"),
        ("[size]", "[orders]", "orders 是特征的名称"),
        ('kind = "rules"', 'kind = "rules"\nactive = "yes"', "active 不是布尔值"),
        ('kind = "rules"', 'kind = "rules"\ncolour = 1', "kind 为 rules 的分群体系中不能有 'colour'"),
        ('kind = "rules"', 'kind = "rules"\ndwell_days = -1', "dwell_days 是 -1"),
        ('name = "Big"', 'title = "Big"', "分群中不能有 'title'"),
        ('name = "Big"', "name = 1", "不是最多 200 个字符的文本"),
        ('segment = "big", when', 'segment = "big", if', "rules 的条目中不能有 'if'"),
        ('segment = "big", when', 'segment = "bgi", when', "没有分群 'bgi'"),
        ('{ segment = "small" }', '{ segment = "small", when = "orders < 2" }', "最后一条规则有条件"),
        (', when = "orders >= 2"', "", "没有 `when` 的规则不在最后"),
        ("orders >= 2", "orders >>= 2", "此处应为"),
        ("orders >= 2", "ordrs >= 2", "没有特征或分群体系"),
        ("orders >= 2", "orders >= many", "不是"),
        ("orders >= 2", "size is small", "引用了自己"),
        ('small = { name = "Small" }', "small = {}\nodd = {}", "没有对应的规则或分档"),
        ("rules = [", "rule = [", "中不能有 'rule'"),
        ("[size.segments]", "[size.segment]", "中不能有 'segment'"),
        (RULED, "", "没有定义任何分群体系"),
        ("[size]", "[size", "不是 TOML"),
    ],
)
def test_a_mistake_in_rules_is_said_in_chinese(old: str, new: str, words: str) -> None:
    said = _said(RULED.replace(old, new, 1))
    assert words in said and not _english_left(said), said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("from = 50", 'from = "x"', "from 是 'x'，不是数字"),
        ("exit = 40", 'exit = "x"', "exit 是 'x'，不是数字"),
        ("exit = 40", "exit = 60", "exit 高于 from"),
        ('{ segment = "low" }', '{ segment = "low", from = 1 }', "第一档不能设置 from"),
        ('segment = "high", from', 'segment = "low", from', "有两档"),
        ('feature = "spend"', 'feature = "colour"', "不是数值特征"),
        (', { segment = "high", from = 50, exit = 40 }', "", "只有一档"),
        ("bands = [", "band = [", "中不能有 'band'"),
    ],
)
def test_a_mistake_in_bands_is_said_in_chinese(old: str, new: str, words: str) -> None:
    said = _said(BANDED.replace(old, new, 1))
    assert words in said and not _english_left(said), said


MAPPED = """
[[event]]
[event.fields]
order_id = "Order"
customer_id = "Who"
occurred_at = "Day"
total = "Sum"
"""


@pytest.mark.parametrize(
    "text",
    [
        *(
            "event = 1",
            "event = []",
            "[event]\nx = 1",
            "skip = -1",
            "skip = 1.5",
            'delimiter = ";;"',
            'encoding = "klingon"',
        ),
        *("columns = 1", "columns = [1]", "strip = {}", 'group = { a = "b" }', 'timezone = "Mars"', 'currency = "eur"'),
        *(
            'dates = "%Y"',
            "nothing = 1",
            "ends_before = 1",
            'format = "pdf"',
            "join = 1",
            "[[join]]\nfile = 1",
            "decimal = 1",
        ),
        *(
            '[[join]]\nfile = "a.csv"',
            '[[join]]\nfile = "a.csv"\non = []',
            '[[join]]\nfile = "a.csv"\non = "a"\ncolour = 1',
        ),
        MAPPED.replace('"Sum"', "1"),
        MAPPED.replace('"Sum"', '{ colum = "Sum" }'),
        MAPPED.replace('"Sum"', '{ sum = ["A", "B"], times = "C" }'),
        MAPPED.replace('"Sum"', '{ column = "Sum", times = "C" }'),
        MAPPED.replace('"Sum"', '{ column = "Sum", kind = "colour" }'),
        MAPPED.replace('"Sum"', '{ column = "Sum", lower = "yes" }'),
        MAPPED.replace('"Sum"', '{ column = "Sum", map = { a = 1 } }'),
        MAPPED.replace("[event.fields]", "where = 1\n[event.fields]"),
        MAPPED.replace("[event.fields]", "where = { A = 1 }\n[event.fields]"),
        MAPPED.replace("[event.fields]", "type = 1\n[event.fields]"),
        MAPPED.replace("[event.fields]", 'so_far = "yes"\n[event.fields]'),
        f'{MAPPED}[event.lines]\nprice = "P"\n',
        f'{MAPPED}[event.lines]\nproduct_id = "P"\ncolour = "C"\n',
    ],
)
def test_a_mistake_in_a_mapping_is_said_in_chinese(text: str) -> None:
    text = text if "event" in text.split("=")[0] or "[[event]]" in text else text + MAPPED
    with pytest.raises(UserError) as raised:
        read_mapping(text, "my.toml")
    said = chinese().translate(raised.value.message)
    assert re.search(r"[\u4e00-\u9fff]", said) and not _english_left(said), said
