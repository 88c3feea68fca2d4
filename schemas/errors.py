"""The errors of the whole project, by what the caller does about them.

::

    StreamerError
    ├── InvalidEvent         dead-letter the record; carries the reason and the field
    ├── TransientError       try again later: a server is away or slow
    ├── InvariantViolation   stop the process: what we know contradicts itself
    └── UserError            tell the person in plain words, with the mend; no traceback
"""

from __future__ import annotations


class StreamerError(Exception):
    """Base of every error this project raises on purpose."""


class InvalidEvent(StreamerError):
    """A record that can never be applied.

    Parameters
    ----------
    reason
        One of the closed set in ``schemas.deadletters.REASONS``.
    message
        Names what is wrong, never the payload.
    field
        Dotted path of the offending field, where there is one.
    """

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.field = field


class TransientError(StreamerError):
    """A server did not answer as it should, and may do so later."""


class InvariantViolation(StreamerError):
    """What this process knows contradicts itself; only a fresh start may go on."""


class UserError(StreamerError):
    """Something the person at the keyboard can mend.

    Parameters
    ----------
    message
        What is wrong, in plain words.
    mend
        What to do about it.
    """

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message if not mend else f"{message}\n{mend}")
        self.message = message
        self.mend = mend
