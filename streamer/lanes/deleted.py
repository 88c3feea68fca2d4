"""Handle records deleted before their lane decided them, by hand or by a retention shorter than the lane's downtime.

The lane stops and reports the offsets; an operator must decide to skip them (`streamer lanes skip`).
"""

from __future__ import annotations

from typing import Final

from schemas.records import Record, UnopenedBatch

HINT: Final = (
    "`streamer lanes skip {lane}:{offset}` goes on with what is left, and notes what is gone in one dead letter"
)


def why_deleted(next_offset: int, first: int) -> str:
    """Return why a lane at ``next_offset`` stops if its input starts only at offset ``first``.

    >>> why_deleted(5, 8)
    'records 5 to 7 were deleted before they were decided; retention of the input topic is shorter than the lane stood still'
    """
    if first - next_offset == 1:
        gone = f"record {next_offset} was deleted before it was decided"
    else:
        gone = f"records {next_offset} to {first - 1} were deleted before they were decided"
    return f"{gone}; retention of the input topic is shorter than the lane stood still"


def stand_in(lane: int, next_offset: int, first: int, appended: int) -> Record:
    """Return a record that represents the deleted ones, with append time ``appended`` (ms).

    Some of the offsets may have been transaction markers. That can no longer be known, so all count as records.
    """
    value = UnopenedBatch(
        b"",
        first=next_offset,
        last=first - 1,
        records=first - next_offset,
        codec="gone",
        why=why_deleted(next_offset, first),
        oversize=True,
    )
    return Record(lane, first - 1, appended, None, value)
