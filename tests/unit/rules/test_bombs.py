"""Test that others' TOML costs at most a second, whatever it contains.

A lane reads segmentations in control records, `act` reads plays, and people send each other mappings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count, takewhile

import pytest

from models.rules.declared import load
from schemas.errors import UserError
from schemas.toml_text import MAX_BYTES
from streamer.act.plays import declared as plays
from streamer.sources.mapping import read_mapping

MOST_SECONDS = 1.0
_DEEP = ".".join(["a"] * 99)


def full(line: Callable[[int], str]) -> str:
    """Return lines, the nth by its number, up to the allowed file size."""
    size = 0

    def fits(text: str) -> bool:
        nonlocal size
        size += len(text.encode())
        return size <= MAX_BYTES

    return "".join(takewhile(fits, map(line, count())))


def rules(number: int, condition: str) -> str:
    return (
        f'[x{number}]\nkind="rules"\nrules=[{{segment="a",when="{condition}"}},{{segment="r"}}]\n'
        f'[x{number}.segments]\na={{name="a"}}\nr={{name="r"}}\n'
    )


LONG = " or ".join(["orders>1"] * 330)

BOMBS = {
    "one key of many parts": "x." * 90_000 + "y=1",
    "a key whose parts are line separators": '"\u2028".' * 28_000 + "y=1",
    "a key whose parts are next lines": '"\u0085".' * 36_000 + "y=1",
    "a key whose parts are form feeds": '"\\f\x0c".' * 28_000 + "y=1",
    "many keys of many parts": full(lambda n: f"b{n}.{_DEEP}=1\n"),
    "many keys below one": full(lambda n: f"{_DEEP}.b{n}=1\n"),
    "many headers of many parts": full(lambda n: f"[{_DEEP}.b{n}]\n"),
    "one list of many tables": full(lambda n: "[[a.b]]\n[a.b.c]\n"),
    "many tables": full(lambda n: f"[t{n}]\n"),
    "deep tables": "x=" + "{a=" * 60_000,
    "deep lists": "x=" + "[" * 100_000,
    "a wide list": "x=[" + "1," * 99_000 + "]",
    "one long number": "x=" + "9" * 190_000,
    "many long numbers": "x=[" + ("9" * 4_000 + ",") * 48 + "]",
    "quotes within quotes": 'x="""' + '""a' * 60_000 + '"""',
    "many long conditions": full(lambda n: rules(n, LONG)),
    "too deeply nested": rules(0, "(" * 1_900 + "orders>1" + ")" * 1_900),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("read", [lambda text: read_mapping(text, "m"), lambda text: plays.load(text, 2, {}, {})])
def test_no_mapping_and_no_plays_keep_a_process_busy(bomb: str, read: Callable[[str], object]) -> None:
    begun = time.process_time()
    with pytest.raises(UserError):
        read(BOMBS[bomb])
    assert time.process_time() - begun < 5 * MOST_SECONDS


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_file_costs_more_than_a_second(bomb: str) -> None:
    begun = time.process_time()
    try:
        load(BOMBS[bomb], 2)
    except UserError:
        refused = True
    else:
        refused = False
    assert time.process_time() - begun < MOST_SECONDS
    assert refused == (bomb != "many long conditions")
