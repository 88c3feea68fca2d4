"""The errors of the whole project, by what the caller does about them.

::

    StreamerError
    ├── InvalidEvent         dead-letter the record; carries the reason and the field
    ├── TransientError       try again later: a server is away or slow
    ├── UnreadableBatch      halt the lane: nobody can say what its next records are
    ├── InvariantViolation   stop the process: what we know contradicts itself
    └── UserError            print a plain sentence and how to fix it; no traceback
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
    """A server failed temporarily; retrying may succeed."""


class UnreadableBatch(StreamerError):
    """Records of the log that cannot be decoded. Skipping them would lose them silently.

    Parameters
    ----------
    first, last
        Their offsets.
    codec
        What they are compressed with.
    why
        What is wrong, in words.
    """

    def __init__(self, first: int, last: int, codec: str, why: str) -> None:
        super().__init__(f"the batch of offsets {first} to {last}, compressed with {codec}, cannot be opened: {why}")
        self.first = first
        self.last = last
        self.codec = codec
        self.why = why


class InvariantViolation(StreamerError):
    """The state of this process is inconsistent; it must be restarted."""


class UserError(StreamerError):
    """Something the person at the keyboard can fix.

    Parameters
    ----------
    message
        What is wrong, in plain words.
    hint
        How to fix it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message}\n{hint}")
        self.message = message
        self.hint = hint
