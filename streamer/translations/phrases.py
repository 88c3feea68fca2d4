"""Translate command output by its English text, so that code that builds a sentence need not know the language.

A phrase is the English text with ``{}`` for each value; its translation refers to them as ``{0}``, ``{1}`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from streamer.translations.errors_chinese import ERRORS
from streamer.translations.errors_of_plays_chinese import ERRORS_OF_PLAYS
from streamer.translations.errors_of_segments_chinese import ERRORS_OF_SEGMENTS
from streamer.translations.output_chinese import OUTPUT
from streamer.translations.phrases_chinese import PHRASES
from streamer.translations.phrases_of_files_chinese import PHRASES_OF_FILES

TABLES: Final = (ERRORS_OF_PLAYS, ERRORS_OF_SEGMENTS, ERRORS, OUTPUT, PHRASES_OF_FILES, PHRASES)
TABLE: Final = {english: chinese for table in TABLES for english, chinese in table.items()}
"""All Chinese phrases by their English text, each from one of the TABLES."""
_DEPTH: Final = 3
_SINGULAR: Final = {"are": "is", "were": "was", "have": "has", "wait": "waits", "follow": "follows", "entries": "entry"}
_SHORT: Final = 3
_BEHIND_A_NUMBER: Final = 3
"""Number of words after a value that may include its noun and verb."""


class Phrases:
    """Phrases of a language.

    >>> found = Phrases({"no Redis at {}": "{0} 上没有 Redis", "check {}": "检查 {0}"})
    >>> found.translate("no Redis at b:6379"), found.translate("  check no Redis at b"), found.translate("anything else")
    ('b:6379 上没有 Redis', '  检查 b 上没有 Redis', 'anything else')
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        # Phrases that begin with text come first, because a value at the beginning would match the words before it;
        # then those with the most text, because `{} ({})` matches nearly everything.
        ordered = sorted(table.items(), key=lambda one: (one[0].startswith("{}"), -len(one[0].replace("{}", ""))))
        self._exact = {english: chinese for english, chinese in ordered if "{}" not in english}
        self._patterns = [
            (re.compile("(.+?)".join(map(_both_numbers, english.split("{}"))), re.DOTALL), chinese)
            for english, chinese in ordered
            if "{}" in english
        ]

    def translate(self, text: str) -> str:
        """Return the text translated line by line where each is a phrase, or as a whole. Other lines are unchanged."""
        lines = text.split("\n")
        if len(lines) > 1 and all(self._line(line) != line for line in lines):
            return "\n".join(map(self._line, lines))
        if (whole := self._line(text)) != text:
            return whole
        return "\n".join(self._line(line) for line in text.split("\n"))

    def _line(self, line: str) -> str:
        words = line.lstrip(" ")
        return line[: len(line) - len(words)] + self._phrase(words, _DEPTH)

    def _phrase(self, text: str, depth: int) -> str:
        if text in self._exact:
            return self._exact[text]
        for pattern, chinese in self._patterns:
            if (found := pattern.fullmatch(text)) is not None:
                return chinese.format(*(self._value(value, depth - 1) if depth else value for value in found.groups()))
        return text

    def _value(self, value: str, depth: int) -> str:
        """Translate a value line by line, because a condition is printed below the sentence about it."""
        lines = [(line, line.lstrip(" ")) for line in value.split("\n")]
        return "\n".join(line[: len(line) - len(words)] + self._phrase(words, depth) for line, words in lines)


def _both_numbers(text: str) -> str:
    """Return a pattern of the text after a value that matches its noun and verb in singular and plural.

    >>> _both_numbers(" records wait")
    '\\\\ (?:records|record)\\\\ (?:wait|waits)'
    >>> _both_numbers(" s as its")
    '\\\\ s\\\\ as\\\\ its'
    """
    words = text.split(" ")
    if words[0]:
        return re.escape(text)
    return re.escape(" ").join(
        [_both(word) if place <= _BEHIND_A_NUMBER else re.escape(word) for place, word in enumerate(words)]
    )


def _both(word: str) -> str:
    bare = re.fullmatch(r"([a-z]+)(\W*)", word)
    if bare is None:
        return re.escape(word)
    # Short words are not nouns: is, was, has, as, its, and s for seconds.
    noun = bare[1][:-1] if len(bare[1]) > _SHORT and bare[1].endswith("s") else None
    one = _SINGULAR.get(bare[1], noun)
    return re.escape(word) if one is None else f"(?:{bare[1]}|{one}){re.escape(bare[2])}"


@cache
def chinese() -> Phrases:
    """Return the phrases in Chinese."""
    return Phrases(TABLE)
