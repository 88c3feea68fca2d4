"""Decide which events of a request are published, and why others are rejected. Pure: all inputs are arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.collector import NEVER_PUBLIC, UNLESS_ALLOWED
from schemas.errors import InvalidEvent
from schemas.events import Event
from streamer.core import guests
from streamer.core.policy import Policy
from streamer.core.precheck import Nobody, precheck
from streamer.web.addressed import Addressed, addressed
from streamer.web.api.tokens import Token
from streamer.web.collector.calls import Body, ids_of

_SKEW_MS: Final = 60_000
"""Differences of a device's clock below this (ms) are ignored, because a request may be in transit that long."""

NOT_ALLOWED: Final = "not_allowed"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected event. ``index`` is its position in the request."""

    index: int
    event_id: str | None
    reason: str
    detail: str


@dataclass
class Judged:
    """Records to publish, in request order, and rejected events.

    Attributes
    ----------
    noted
        Counts of fields that were omitted or defaulted.
    guests
        Number of records that are guest orders: lanes count their money, and move no customer.
    """

    records: list[Addressed] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    noted: Counter[str] = field(default_factory=Counter)
    guests: int = 0


def judge(
    bodies: Sequence[Body],
    token: Token,
    policy: Policy,
    now_ms: int,
    *,
    largest: int,
    only: frozenset[str] | None = None,
    sent_ms: int | None = None,
) -> Judged:
    """Validate the events of a request.

    Parameters
    ----------
    token
        Token that determines the allowed event types.
    largest
        Maximum size of one event, in bytes.
    only
        Event types that the path accepts; None for all.
    sent_ms
        When the request was sent, by the device's clock: the clock's error is subtracted from the events' times.
    """
    found = Judged()
    skew = 0 if sent_ms is None or abs(now_ms - sent_ms) <= _SKEW_MS else now_ms - sent_ms
    faults: list[tuple[int, str, str]] = []
    for index, body in enumerate(bodies):
        noted: list[str] = []
        try:
            event, is_guest = _read(body, policy, now_ms, largest, skew, noted)
        except InvalidEvent as error:
            faults.append((index, error.reason, error.message))
            continue
        refusal = _refusal(event.type, token, only)
        if refusal is not None:
            faults.append((index, NOT_ALLOWED, refusal))
            continue
        found.noted.update(noted)
        found.guests += is_guest
        found.records.append(addressed(event, policy.lanes))
    ids = ids_of([bodies[index] for index, _, _ in faults])
    found.rejected += [Rejected(index, id, *why) for (index, *why), id in zip(faults, ids, strict=True)]
    return found


def _read(body: Body, policy: Policy, now_ms: int, largest: int, skew: int, noted: list[str]) -> tuple[Event, bool]:
    """Return an event, and whether it is a guest order. Raises InvalidEvent."""
    if body.error is not None:
        raise body.error
    if len(body.value) > largest:
        raise InvalidEvent("oversize", f"{len(body.value):,} bytes; the limit is {largest:,}")
    is_guest = False
    try:
        event = precheck(body.value, policy, now_ms - skew, policy.reading, noted)
    except Nobody as error:
        if not guests.is_counted(error.event):
            raise
        event, is_guest = error.event, True
    if skew:
        event = event.model_copy(update={"occurred_at": min(event.occurred_at + skew, now_ms)})
    return event, is_guest


def _refusal(type: str, token: Token, only: frozenset[str] | None) -> str | None:
    """Return why a token may not send a type here, or None. A write key is public: every visitor of the page has it."""
    if only is not None and type not in only:
        return f"this path takes {', '.join(sorted(only))} only"
    if not token.origins or type in token.allow:
        return None
    if type in NEVER_PUBLIC:
        return f"a write key cannot send {type}: send it from a server, with a token"
    if type in UNLESS_ALLOWED:
        return f"the key {token.name} does not allow {type}: send it from a server, with a token"
    return None
