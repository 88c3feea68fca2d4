"""Test that numbers have the right form of their nouns, in every text of the catalogue."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from string import Formatter
from typing import Final

import pytest
from printed_texts import spec_of

from models.messages import messages
from models.messages.count import Count
from models.messages.translatable import translatable


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 workers"), (1, "1 worker"), (2, "2 workers"), (1_000, "1,000 workers")]
)
def test_a_number_and_its_noun(number: int, text: str) -> None:
    assert f"{Count(number):|worker}" == text


def test_a_finding_says_one_worker() -> None:
    assert translatable("finding workers", text="3 taken", workers=1) == "3 taken, 1 worker"
    assert messages()("finding hidden", records=1, lane=0, producer="x") == (
        "1 record of lane 0 is blocked by a transaction that x left open"
    )
    assert messages("zh")("finding workers", text="x", workers=1) == "x，worker 1 个"


def test_every_noun_of_the_catalogue_has_both_forms() -> None:
    specs = [
        spec
        for text in messages().table.texts.values()
        for _, _, spec, _ in Formatter().parse(text)
        if spec and spec[0] in "|~"
    ]
    assert len(specs) > 30
    for spec in specs:
        assert not re.search(r"\d", f"{Count(1):{spec}}".lstrip("1 ")), spec
        if spec[0] == "~":
            assert "|" in spec and f"{Count(1):{spec}}" != f"{Count(2):{spec}}", spec


def test_every_verb_of_the_catalogue_is_that_of_one_thing_first() -> None:
    specs = {
        spec[1:]
        for text in messages().table.texts.values()
        for _, _, spec, _ in Formatter().parse(text)
        if spec and spec[0] == "~"
    }
    swapped = [
        spec for spec in specs for one, many in [spec.split("|")] if many in (f"{one}s", f"{one}es", "is", "was")
    ]
    assert len(specs) > 5 and not swapped
    told = {n: messages("en")("console call unasked", count=n) for n in (1, 5)}
    assert told[1].startswith("1 more customer is unlikely to order but allows no offers")
    assert told[5].startswith("5 more customers are unlikely to order but allow no offers")


@pytest.mark.parametrize(
    ("key", "count"),
    [
        ("console call why", "count"),
        ("console leave count", "count"),
        ("console foresight week", "customers"),
        ("console builder preview lead", "customers"),
    ],
)
def test_the_console_says_one_customer(key: str, count: str) -> None:
    more = {"share": "20 %", "money": "5 EUR", "day": "2026-05-04", "moved": 1}
    found = {n: messages("en")(key, **more, **{count: n}) for n in (1, 2_000)}
    assert "1 customer " in f"{found[1]} " or "1 customer," in found[1]
    assert "2,000 customers" in found[2_000] and "2,000" in messages("zh")(key, **more, **{count: 2_000})


_PEOPLE_READ: Final = ("streamer", "models")
_NOUNS: Final = (
    "records|customers|orders|events|messages|rows|lines|days|hours|months|codes|coupons|plays|templates|people|moves|lanes|workers|"
    "topics|changes|segments|seconds|minutes|times|keys|files|versions|members|refunds|lists|clusters|columns|partitions|"
    "documents|notes|arrivals|dead letters|differences|kinds|imports|calls|amounts|buyers|ones|notes|entries|fields|pages|shops"
)
_COUNTED: Final = re.compile(rf" (?:[a-z]+ )?(?:{_NOUNS})\b")
_ALWAYS_MANY: Final = re.compile(
    r"[A-Z_]{4,}|looked_at|rate|customer-months|\blate\[|orders\[|text\.count|found\.moves|^seen$|^lane$"
)
"""Constants, rates, and numbers that are more than one where they are printed."""


def test_every_number_that_is_printed_with_its_noun_is_a_count() -> None:
    left = []
    for package in _PEOPLE_READ:
        for path in sorted((Path(__file__).parents[3] / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    for value, text in pairwise(node.values):
                        if (
                            isinstance(value, ast.FormattedValue)
                            and isinstance(text, ast.Constant)
                            and _COUNTED.match(str(text.value))
                            and not spec_of(value).startswith(("|", "~"))
                            and not _ALWAYS_MANY.search(ast.unparse(value.value))
                        ):
                            left.append(f"{path.name}:{node.lineno}: {ast.unparse(value.value)}{text.value!r}")
    assert not left, "print f'{Count(number):|noun}' (models/messages/count.py):\n" + "\n".join(left)
