"""Which record of a failed step is to blame: fewer and fewer are tried, until one fails alone. Pure.

Every try is a step as any other: what does not fail is committed, so a crash in between loses nothing, and only the
decisions of the failing records are thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.control import is_control
from schemas.errors import InvalidEvent
from schemas.records import LogRecord

MAX_TEXT = 200


class Narrowing:
    """What is known of the record that makes the steps of one lane fail.

    Attributes
    ----------
    poison
        Records found to fail alone, by offset, and why they are refused.
    """

    def __init__(self) -> None:
        self.poison: dict[int, InvalidEvent] = {}
        # One of the records below this offset fails; none is known where it is 0.
        self._until = 0
        self._next = 0
        self._guessed = False

    def limit(self, records: Sequence[LogRecord]) -> int:
        """How many of these to try at most."""
        if not self._until:
            return len(records)
        suspects = sum(record.offset < self._until for record in records)
        if not suspects:
            self._until = self._next = 0
            return len(records)
        size, self._next = self._next or (suspects + 1) // 2, 0
        return min(size, suspects)

    def failed(self, records: Sequence[LogRecord], error: BaseException, guess: int | None) -> bool:
        """A step with these records failed. False if nothing is left to try: they fail whatever is done.

        Parameters
        ----------
        guess
            The offset of the record that was being decided, where that is known. It spares the search, and is not
            believed: the record must fail alone.
        """
        if not records:
            return False
        if len(records) == 1:
            offset = records[0].offset
            if offset in self.poison:
                return False
            self.poison[offset] = blamed(records[0], error)
            self._until = self._next = 0
            self._guessed = False
            return True
        self._until = records[-1].offset + 1
        offsets = [record.offset for record in records]
        self._next = 0
        if guess is not None and guess in offsets and not self._guessed:
            # Those before it first, then it alone.
            self._guessed = True
            self._until = guess + 1
            self._next = offsets.index(guess) or 1
        return True

    def decided(self, next_offset: int) -> None:
        """A step up to this offset was committed."""
        if self.poison:
            self.poison = {offset: why for offset, why in self.poison.items() if offset >= next_offset}
        self._guessed = False


def blamed(record: LogRecord, error: BaseException) -> InvalidEvent:
    """Why a record that raises what none may is refused."""
    return InvalidEvent("bad_control" if is_control(record.headers) else "poison", text_of(error))


def text_of(error: BaseException) -> str:
    """An exception in one line, without what it may tell of the payload beyond its first words.

    >>> text_of(OverflowError("math range error"))
    'OverflowError: math range error'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:MAX_TEXT].rstrip(": ")
