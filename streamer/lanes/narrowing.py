"""Find the record that makes a step fail: trust an exception that names one, else retry with fewer records.

Pure functions. Every retry is an ordinary step: if it succeeds it is committed, so a crash in between loses nothing,
and only the decisions of a failing step are discarded. The records before a record found this way are known to be good
and go into one step with its dead letter.
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
"""Number of records that take about as long to decide as the fixed overhead of a step."""


class Narrowing:
    """Knowledge of one lane about the record that makes its steps fail.

    Attributes
    ----------
    poison
        The rejection of each record found to fail, by offset.
    careful
        Maximum records per step after a record was found. Small steps have overhead, and a large step is expensive to
        discard: if one record in ``n`` is poison, total cost is minimal at a multiple of the square root of ``n``.
    """

    def __init__(self) -> None:
        self.poison: dict[int, InvalidEvent] = {}
        self.careful = _FEWEST
        # Suspect offsets, ascending; one of them fails. Empty if there is no suspect.
        self._accused: Sequence[int] = ()
        # Every record below this offset is known to be good or poison.
        self._known = 0
        # Offset of the last poison record found, or of the first record seen.
        self._since: int | None = None

    def limit(self, records: Sequence[LogRecord], usual: int) -> int:
        """Return how many of these records to try: ``usual`` if none is suspected."""
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
        """Record that a step with these records failed. Return False if nothing is left to try.

        Parameters
        ----------
        accused
            Offsets of records that certainly include the faulty one; empty if unknown.
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
        """Record that a step up to this offset was committed."""
        if self.poison:
            self.poison = {offset: why for offset, why in self.poison.items() if offset >= next_offset}


def blamed(record: LogRecord, error: BaseException) -> InvalidEvent:
    """Return the rejection of a record that raised an unexpected exception."""
    return InvalidEvent("bad_control" if is_control(record.headers) else "poison", text_of(error))


def text_of(error: BaseException) -> str:
    """Return an exception in one line, truncated because it may quote the payload.

    >>> text_of(OverflowError("math range error"))
    'OverflowError: math range error'
    """
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:MAX_TEXT].rstrip(": ")
