"""Read customers' activity from the service's own log: the events that the lanes keep, joined and erased as they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final
from unicodedata import normalize

from schemas import cloudevents, topics
from schemas.codec import decode
from schemas.control import is_control
from schemas.errors import InvalidEvent
from schemas.events import CustomerErased, IdentityLinked
from schemas.records import Record
from streamer.adapters.client import read
from streamer.client.connections import Connections
from streamer.core.policy import Policy
from streamer.evaluate import files
from streamer.evaluate.activity import Activity
from streamer.sources.source import SourceEvent

_ABOUT_PEOPLE: Final = (b"identity.linked", b"customer.erased", b'"alias"')
"""Types of events that join or erase ids, with Segment's name for the first."""


class _Logged:
    """Events of a log, read again from its start by each call."""

    def __init__(self, records: Callable[[], Iterable[Record]]) -> None:
        self._records = records

    def events(self) -> Iterator[SourceEvent]:
        for record in self._records():
            if record.value is None or is_control(record.headers):
                continue
            try:
                body = cloudevents.body_of(record.value, record.headers)
            except InvalidEvent:
                continue
            if body is not None:
                yield SourceEvent(record.timestamp, record.key, body)


def logged_activity(to: Connections) -> Activity:
    """Return the activity in the log, as far back as the broker keeps it.

    Raises
    ------
    UserError
        The log contains no usable event.
    """
    return activity_of(lambda: read(to.kafka, topics.EVENTS), to.policy)


def activity_of(records: Callable[[], Iterable[Record]], policy: Policy) -> Activity:
    """Return the activity of records, without erased customers.

    ``records`` is called twice, because ids may be joined or erased after their orders.
    """
    joined, erased = _people(records(), policy)
    return files.of_source(_Logged(records), policy, joined, erased)


def _people(records: Iterable[Record], policy: Policy) -> tuple[dict[str, str], set[str]]:
    """Return the customer of each joined id, and the customers who were erased."""
    direct: dict[str, str] = {}
    erased: set[str] = set()
    for record in records:
        if record.value is None:
            # A record without a value erases the customer of its key.
            erased.add(normalize("NFC", (record.key or b"").decode(errors="replace")))
            continue
        if is_control(record.headers):
            continue
        try:
            body = cloudevents.body_of(record.value, record.headers) or b""
            # Most records are orders and clicks, which need not be decoded here.
            if not any(name in body for name in _ABOUT_PEOPLE):
                continue
            event = decode(record.key, record.value, record.headers, reading=policy.reading)
        except InvalidEvent:
            continue
        if isinstance(event, IdentityLinked):
            guest, customer = _root(event.anonymous_id, direct), _root(event.customer_id, direct)
            # A link between joined ids adds nothing.
            if guest != customer:
                direct[guest] = customer
        elif isinstance(event, CustomerErased):
            erased.add(event.customer_id)
    joined = {id: _root(id, direct) for id in direct}
    return joined, {joined.get(id, id) for id in erased}


def _root(id: str, direct: dict[str, str]) -> str:
    """Return the customer at the end of a chain of ids."""
    while id in direct:
        id = direct[id]
    return id
