"""Which record of a failed step is to blame: an exception that accuses one is believed; else fewer and fewer are tried.

Pure. Every try is a step as any other: what does not fail is committed, so a crash in between loses nothing, and only
the decisions of a failing step are thrown away. What lies before a record that was found is known to be good, and goes
into one step with its dead letter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isqrt

from schemas.control import is_control
from schemas.errors import InvalidEvent
from schemas.records import LogRecord

MAX_TEXT = 200
_FEWEST = 16
_WEIGHT = 100
"""About as many records cost as much to decide as a step costs beside its records."""


class Narrowing:
    """What is known of the record that makes the steps of one lane fail.

    Attributes
    ----------
    poison
        Records found to fail, by offset, and why they are refused.
    careful
        How many records a step may have after one was found. Small steps cost something each, and a large one more when
        it is thrown away: where one record in ``n`` is poison, the sum is least at the square root of ``n``, by a factor.
    """

    def __init__(self) -> None:
        self.poison: dict[int, InvalidEvent] = {}
        self.careful = _FEWEST
        # One of these fails, in ascending order; none is known where it is empty.
        self._accused: Sequence[int] = ()
        # Below this offset all is known to be good, or poison.
        self._known = 0
        # Where the last poison was found, or the first record seen.
        self._since: int | None = None

    def limit(self, records: Sequence[LogRecord], usual: int) -> int:
        """How many of these to try: as ``usual``, where nothing is known against them."""
        if not records:
            return 0
        first = records[0].offset
        if self._since is None:
            self._since = first
        if self._known > first:
            return sum(record.offset < self._known for record in records)
        accused = self._accused = [offset for offset in self._accused if offset >= first]
        if not accused:
            return min(len(records), usual)
        last = accused[(len(accused) - 1) // 2]
        return max(1, sum(record.offset <= last for record in records))

    def failed(self, records: Sequence[LogRecord], error: BaseException, accused: Collection[int] = ()) -> bool:
        """A step with these records failed. False if nothing is left to try: they fail whatever is done.

        Parameters
        ----------
        accused
            Offsets of records, one of them certainly to blame; empty if unknown.
        """
        self._known = 0
        found = {record.offset: record for record in records}
        some = sorted(offset for offset in accused if offset in found and offset not in self.poison) or list(found)
        if len(some) > 1:
            self._accused = some
            return True
        if not some or some[0] in self.poison:
            return False
        offset = some[0]
        self.poison[offset] = blamed(found[offset], error)
        self._accused, self._known = (), offset + 1
        since, self._since = self._since or 0, offset
        self.careful = max(_FEWEST, isqrt(_WEIGHT * max(0, offset - since)))
        return True

    def decided(self, next_offset: int) -> None:
        """A step up to this offset was committed."""
        if self.poison:
            self.poison = {offset: why for offset, why in self.poison.items() if offset >= next_offset}


def blamed(record: LogRecord, error: BaseException) -> InvalidEvent:
    """Why a record that raises what none may is refused."""
    return InvalidEvent("bad_control" if is_control(record.headers) else "poison", text_of(error))


def text_of(error: BaseException) -> str:
    """An exception in one line, without what it may show of the payload beyond its first words.

    >>> text_of(OverflowError("math range error"))
    'OverflowError: math range error'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:MAX_TEXT].rstrip(": ")
