"""The errors of the whole project, by how the caller handles them.

::

    StreamerError
    ├── InvalidEvent         dead-letter the record; carries the reason and the field
    ├── TransientError       retry later: a server is unavailable or slow
    ├── UnreadableBatch      halt the lane: its next records cannot be decoded
    ├── InvariantViolation   stop the process: its state is inconsistent
    └── UserError            print a plain sentence and a hint; no traceback
"""

from __future__ import annotations


class StreamerError(Exception):
    """Base class of every error that this project raises on purpose."""


class InvalidEvent(StreamerError):
    """A record that can never be applied.

    Parameters
    ----------
    reason
        One of ``schemas.deadletters.REASONS``.
    message
        Explanation; never contains the payload.
    field
        Dotted path of the offending field, if there is one.
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
        Offsets of the first and last record.
    codec
        Compression codec of the batch.
    why
        Explanation.
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
    """An error that the user can fix.

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
