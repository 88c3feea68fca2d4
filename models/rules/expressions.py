"""The rule language: parses the text of one condition into a checked `models.rules.definitions.Condition`.

::

    condition = and-part { "or" and-part }          and-part = part { "and" part }
    part      = "not" part | "(" condition ")" | "known" "(" (NAME | EVENT) ")" | "did" "(" TEXT ")" | test
    test      = (NAME | EVENT) (">=" | ">" | "<=" | "<" | "=" | "!=") NUMBER [ "exit" NUMBER ]
              | NAME ["not"] "in" "(" WORD { "," WORD } ")"  |  NAME ("is" ["not"] | "=" | "!=") WORD
    NAME      = a feature, a segmentation, or a shop's own trait: "custom." and its name, in quotes if need be
    EVENT     = ("count" | "days_since") "(" TEXT ")": of events with the name TEXT

Conditions compare names with constants only, so the instant at which time alone flips a comparison is exact. No text is
ever executed as Python.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from models.customer.profile import CUSTOM
from models.features import own_events
from models.features.features import MISSING
from models.features.traits import is_own_trait
from models.rules.conditions import Compare, Condition, Every, Member, Negation, Op, Some
from schemas.errors import StreamerError

KEYWORDS = frozenset(("and", "or", "not", "in", "is", "exit", "known"))
_DID = "did"
_OF_EVENTS = (_DID, own_events.COUNT, own_events.DAYS_SINCE)
"""Functions only in front of a bracket; elsewhere they may be names of a shop's segmentations."""

_MAX_LENGTH = 4_000
_MAX_DEPTH = 40
_TOKENS = re.compile(
    r"""\s*(?:
    (?P<number>-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
  | (?P<word>custom\.(?:\w[\w-]*|"[^"\n]*"|'[^'\n]*')|[A-Za-z_][A-Za-z0-9_]*)
  | (?P<text>"[^"\n]*"|'[^'\n]*')
  | (?P<sign>>=|<=|==|!=|[<>=(),])
  | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_OPERATORS: Mapping[str, Op] = {">=": ">=", ">": ">", "<=": "<=", "<": "<", "=": "=", "==": "=", "!=": "!="}


class ExpressionError(StreamerError):
    """A condition that cannot be parsed; ``position`` is a character index into its text, from 0."""

    def __init__(self, position: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Known:
    """The names that conditions may use.

    Attributes
    ----------
    numbers
        Numeric features.
    labels
        Text features and segmentations, with their possible words, or None if any word may occur.

    Conditions may also use a shop's own traits. One that is not in ``numbers`` is a number if compared with a number,
    and text otherwise.
    """

    numbers: frozenset[str]
    labels: Mapping[str, frozenset[str] | None]

    @property
    def names(self) -> list[str]:
        return sorted({*self.numbers, *self.labels})


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str, known: Known) -> Condition:
    """Parse ``text`` into a condition. Raises ExpressionError.

    >>> parse("orders >= 8 exit 6", Known(frozenset({"orders"}), {}))
    Compare(feature='orders', op='>=', enter=8.0, exit=6.0)
    """
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(
            0, f"the condition has more than {_MAX_LENGTH:,} characters", ("split it into two or more rules")
        )
    return _Parser(_tokens(text), known).whole()


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """Return the hint for an unknown name: the closest known name, or the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    listed = f"{what}: {', '.join(names)}" if names else f"there are no {what}"
    return f"did you mean {near[0]}? {listed}" if near else listed


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while True:
        match = _TOKENS.match(text, at)
        if match is None:
            at = next(i for i in range(at, len(text)) if not text[i].isspace())
            raise ExpressionError(
                at,
                f"{text[at]!r} is not allowed here",
                "compare a feature with a number or a word; arithmetic is not supported",
            )
        kind = match.lastgroup or ""
        found.append(_Token(kind, _bare(match.group(kind)) if kind == "word" else match.group(kind), match.start(kind)))
        if kind == "end":
            return found
        at = match.end()


def _bare(word: str) -> str:
    """Remove the quotes around the part of a name after ``custom.``."""
    return word[: len(CUSTOM)] + word[len(CUSTOM) + 1 : -1] if word.startswith((f"{CUSTOM}'", f'{CUSTOM}"')) else word


class _Parser:
    def __init__(self, tokens: list[_Token], known: Known) -> None:
        self._tokens = tokens
        self._known = known
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, *texts: str) -> _Token | None:
        token = self._next
        return self._take() if token.kind in ("word", "sign") and token.text in texts else None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            raise self._unexpected(f"{text!r}")

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._next
        found = f"{token.text!r}" if token.text else "the end"
        return ExpressionError(token.at, f"expected {wanted}, found {found}", "see docs/segmentations.md")

    def whole(self) -> Condition:
        condition = self._either()
        if self._next.kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return condition

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._part()]
        while self._accept("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _part(self) -> Condition:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError(
                self._next.at, "the condition is too deeply nested", "split the condition into two or more rules"
            )
        try:
            if self._accept("not"):
                return Negation(self._part())
            if self._accept("("):
                inner = self._either()
                self._expect(")")
                return inner
            if self._accept("known"):
                return self._is_known()
            if self._is_event_call():
                return self._of_event()
            return self._test()
        finally:
            self._depth -= 1

    def _is_known(self) -> Condition:
        self._expect("(")
        of_event = self._is_event_call()
        name = self._event(self._take()) if of_event else self._name().text
        self._expect(")")
        if of_event or name in self._known.numbers:
            # An unknown value fails every comparison, so this tests whether it is known.
            return Compare(name, ">=", -inf, -inf)
        return Negation(Member(name, frozenset((MISSING,))))

    def _is_event_call(self) -> bool:
        token = self._next
        return token.kind == "word" and token.text in _OF_EVENTS and self._tokens[self._at + 1].text == "("

    def _of_event(self) -> Condition:
        function = self._take()
        if function.text != _DID:
            return self._comparison(self._event(function))
        return Compare(self._event(function._replace(text=own_events.COUNT)), ">=", 1.0, 1.0)

    def _event(self, function: _Token) -> str:
        """Parse the event name in brackets and quotes; return its feature."""
        self._expect("(")
        token = self._next
        if token.kind != "text":
            raise ExpressionError(
                token.at, "the event name is missing", ('write it in quotes, for example did("Signed Up")')
            )
        feature = own_events.written(function.text, self._take().text[1:-1])
        wrong = own_events.not_counted(function.text, own_events.counted_event(feature) or "")
        if wrong is not None:
            raise ExpressionError(token.at, *wrong)
        self._expect(")")
        return feature

    def _name(self) -> _Token:
        token = self._next
        if token.kind != "word" or token.text in KEYWORDS:
            raise self._unexpected("the name of a feature or segmentation")
        known = self._known
        if token.text not in known.numbers and token.text not in known.labels and not is_own_trait(token.text):
            hint = suggestion(token.text, known.names, "features and segmentations")
            raise ExpressionError(
                token.at,
                f"unknown feature or segmentation {token.text!r}",
                f"{hint}; for a custom trait, write {CUSTOM}NAME",
            )
        return self._take()

    def _test(self) -> Condition:
        name = self._name().text
        return self._comparison(name) if self._is_number(name) else self._membership(name)

    def _is_number(self, name: str) -> bool:
        """Return whether a name is numeric. For an own trait, the constant that it is compared with decides."""
        if name in self._known.numbers or name in self._known.labels:
            return name in self._known.numbers
        sign = _OPERATORS.get(self._next.text)
        return sign is not None and (sign not in ("=", "!=") or self._tokens[self._at + 1].kind == "number")

    def _comparison(self, name: str) -> Condition:
        sign = self._accept(*_OPERATORS)
        if sign is None:
            if self._next.text in ("in", "is", "not"):
                raise ExpressionError(
                    self._next.at, f"{name} is a number", f"compare it, for example {name} >= 10, or use known({name})"
                )
            raise self._unexpected(f"a comparison of {name}, such as >= 10,")
        op = _OPERATORS[sign.text]
        enter = self._number(name)
        leave = self._accept("exit")
        if leave is None:
            return Compare(name, op, enter, enter)
        if op in ("=", "!="):
            raise ExpressionError(leave.at, f"{op} cannot have an exit border", "use >=, >, <= or <")
        border = self._number(name)
        if (border > enter) if op in (">=", ">") else (border < enter):
            side = "above" if op in (">=", ">") else "below"
            raise ExpressionError(
                leave.at,
                f"the exit border {border:g} is {side} the enter border {enter:g}",
                "a customer who leaves must cross the enter border before the exit border",
            )
        return Compare(name, op, enter, border)

    def _number(self, name: str) -> float:
        token = self._next
        if token.kind == "number":
            number = float(self._take().text.replace("_", ""))
            if number in (inf, -inf):
                raise ExpressionError(token.at, f"{token.text} is too large", "use a smaller number")
            return number
        if token.kind == "word" and (token.text in self._known.names or is_own_trait(token.text)):
            raise ExpressionError(
                token.at,
                (
                    f"{name} cannot be compared with {token.text}: there is no way to compute when time alone "
                    "changes the result"
                ),
                "compare it with a number, or use `lateness`: recency relative to the customer's own cadence",
            )
        if token.kind in ("word", "text"):
            raise ExpressionError(token.at, f"{name} is a number, and {token.text} is not", "compare it with a number")
        raise self._unexpected("a number")

    def _membership(self, name: str) -> Condition:
        if self._accept("in"):
            return Member(name, self._words(name))
        if self._accept("is"):
            negated = self._accept("not") is not None
        elif self._accept("not"):
            self._expect("in")
            return Negation(Member(name, self._words(name)))
        elif (sign := self._accept("=", "==", "!=")) is not None:
            negated = sign.text == "!="
        elif self._next.text in _OPERATORS:
            raise ExpressionError(
                self._next.at, f"{name} is a word, and words cannot be ordered", f"use {name} in (...)"
            )
        else:
            raise self._unexpected(f"'is', 'in' or '=' after {name}")
        member = Member(name, frozenset((self._word(name),)))
        return Negation(member) if negated else member

    def _words(self, name: str) -> frozenset[str]:
        self._expect("(")
        words = [self._word(name)]
        while self._accept(","):
            words.append(self._word(name))
        self._expect(")")
        return frozenset(words)

    def _word(self, name: str) -> str:
        token = self._next
        if token.kind not in ("word", "text"):
            raise self._unexpected("a word")
        if token.kind == "word" and is_own_trait(token.text):
            raise ExpressionError(
                token.at, f"{name} cannot be compared with {token.text}: it is a word", ("compare it with a word")
            )
        word = token.text[1:-1] if token.kind == "text" else token.text
        possible = self._known.labels.get(name)
        if possible is not None and word not in possible:
            raise ExpressionError(
                token.at, f"{name} has no segment {word!r}", suggestion(word, possible, f"segments of {name}")
            )
        self._take()
        return word
