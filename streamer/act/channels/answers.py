"""Handle HTTP responses: the common part of the channels that use HTTP."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

MOST_OF_THE_ANSWER: Final = 65_536
"""Maximum bytes of a response to read, because a slow or flooding receiver must not block us."""
_LONGEST_PAUSE_MS: Final = 86_400_000


def retry_after(header: str | None, now: float) -> int | None:
    """Return the milliseconds that a Retry-After header requests, at most a day; None if it is missing or unusable.

    ``now`` is in epoch seconds.

    >>> retry_after("120", 0), retry_after("soon", 0), retry_after("Thu, 01 Jan 1970 00:00:10 GMT", 4)
    (120000, None, 6000)
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        seconds = float(header)
    else:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except ValueError:
            return None
    return min(_LONGEST_PAUSE_MS, max(0, round(seconds * 1000)))
