"""Names of custom events, and the check for misspelt built-in types."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from schemas import segment_spec
from schemas.events import EVENT_TYPES

_ENDINGS: Final = ("ing", "ed", "es", "s", "d", "e")


def meant(name: str) -> str | None:
    """Return the known type that a name most likely means, or None.

    Differences in case, blanks, dots, word order or tense, or of one letter, are ignored.

    >>> meant("order_complete"), meant("Completed Order"), meant("Oder Completed"), meant("Subscription Started")
    ('order.completed', 'order.completed', 'order.completed', None)
    """
    return _meant(name) if len(name) <= 100 else None


@lru_cache(maxsize=1_024)
def _meant(name: str) -> str | None:
    stems = _stems(name)
    joined = "".join(stems)
    for known, type in _KNOWN.items():
        if stems == known or frozenset(stems) == frozenset(known) or _one_letter(joined, "".join(known)):
            return type
    return None


def _stems(name: str) -> tuple[str, ...]:
    words = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    return tuple(map(_stem, words))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    # ``cancelled`` and ``canceled``.
    return word[:-1] if len(word) > 4 and word[-1] == word[-2] else word


def _one_letter(one: str, other: str) -> bool:
    """Return whether two words differ by one letter added, removed or replaced, or by two swapped letters."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1 or len(one) < 6:
        return one == other
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    rest, others = one[start:], other[start:]
    return rest[1:] == others[1:] or (rest[2:] == others[2:] and rest[:2] == others[1::-1])


_KNOWN: Final = {_stems(name): name for name in sorted(EVENT_TYPES)} | {
    _stems(name): type for name, type in segment_spec.ALIASES.items() if " " in name
}
