"""Numbers with their nouns: 1 worker, 2 workers."""

from __future__ import annotations


class Count(int):
    """A whole number that a text can show with its noun, or as a word alone.

    ``{n:|worker}`` is the number and its noun, ``{n:|entry|entries}`` has an irregular plural, and ``{n:~has|have}``
    is the word alone. Other format specs are those of `int`.

    >>> f"{Count(1):|worker}, {Count(2_000):|entry|entries} {Count(2):~has|have} {Count(7):,}"
    '1 worker, 2,000 entries have 7'
    """

    def __format__(self, spec: str) -> str:
        if spec[:1] not in ("|", "~"):
            return super().__format__(spec)
        one, _, many = spec[1:].partition("|")
        word = one if self == 1 else many or one + "s"
        return word if spec[0] == "~" else f"{int(self):,} {word}"


def counted(value: object) -> object:
    """Return the value, converted to a `Count` if it is a whole number."""
    return Count(value) if type(value) is int else value
