"""Stop a lane that rejects too many records, so that a bad deploy does not drain a topic into dead letters.

There are two limits, as in Arroyo: consecutive rejected records, and the share of rejected records among recent ones.
Imported records do not count, because an operator chose that file, and neither do control records. The limit does not
affect decisions, only whether the lane continues.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from models.messages.count import Count
from streamer.core.decode import DecodedRecord


class DeadLetterLimit:
    """Counts rejected records of one lane.

    Parameters
    ----------
    run
        Number of consecutive rejected records at which the lane stops; 0 disables the limit.
    ratio, window
        The lane stops when more than this share of at least the last ``window`` records was rejected; 1 disables the
        limit.

    >>> limit = DeadLetterLimit(run=3, ratio=1.0, window=10)
    >>> limit.judge(run=3, refused=0, seen=0)
    '3 records one after the other were refused'
    """

    def __init__(self, run: int, ratio: float, window: int) -> None:
        self._limit = run
        self._ratio = ratio
        self._window = window
        self._run = 0
        # Counted and rejected records by step. The oldest step is removed once the others fill a window.
        self._steps: deque[tuple[int, int]] = deque()
        self._seen = 0
        self._refused = 0

    def room(self, decoded_records: Sequence[DecodedRecord]) -> int:
        """Return how many of these records to take: up to the one that reaches a limit.

        This counts records rejected during decoding; later rejections are only known to `take`.
        """
        if all(decoded.error is None for decoded in decoded_records):
            return len(decoded_records)
        run, seen, refused = self._run, self._seen, self._refused
        for number, decoded in enumerate(decoded_records, 1):
            if not _counts(decoded):
                continue
            seen += 1
            run = run + 1 if decoded.error is not None else 0
            refused += decoded.error is not None
            if decoded.error is not None and self.judge(run, refused, seen):
                return number
        return len(decoded_records)

    def take(self, decoded_records: Sequence[DecodedRecord], refused: Collection[int]) -> str | None:
        """Count a step and return which limit it reached, in words, or None.

        Parameters
        ----------
        refused
            Offsets of the records that became dead letters.
        """
        if not refused:
            self._run = 0 if decoded_records else self._run
            self._add(len(decoded_records), 0)
            return None
        reason, counted, bad = None, 0, 0
        for decoded in decoded_records:
            if not _counts(decoded):
                continue
            counted += 1
            if decoded.record.offset in refused:
                bad += 1
                self._run += 1
                reason = reason or self.judge(self._run, 0, 0)
            else:
                self._run = 0
        reason = reason or self.judge(self._run, self._refused + bad, self._seen + counted)
        self._add(counted, bad)
        return reason

    def judge(self, run: int, refused: int, seen: int) -> str | None:
        """Return the limit that these counts reach, in words; None if neither."""
        if self._limit and run >= self._limit:
            return f"{Count(run):|record} one after the other {Count(run):~was|were} refused"
        if seen >= self._window and refused > self._ratio * seen:
            return f"{refused / seen:.0%} of the last {seen:,} records were refused"
        return None

    def _add(self, counted: int, bad: int) -> None:
        if not counted:
            return
        self._steps.append((counted, bad))
        self._seen += counted
        self._refused += bad
        while self._seen - self._steps[0][0] >= self._window:
            gone, gone_bad = self._steps.popleft()
            self._seen -= gone
            self._refused -= gone_bad


def _counts(decoded: DecodedRecord) -> bool:
    return decoded.import_id is None and decoded.control is None
