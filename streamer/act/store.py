"""Convert state and steps to records and back: a record per customer, message, address, coupon and version of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, Literal

import msgspec

from schemas import topics
from schemas.changes import message_headers
from schemas.events import MessageOutcome
from schemas.partition import partition_for
from schemas.tracing import TRACE_HEADER
from schemas.wire_time import iso
from streamer.act.heart.coupons import Coupon
from streamer.act.heart.ids import step_id
from streamer.act.heart.state import OWNER, Erased, Ledger, Measure, Message, Outcome, State, Step, Suppression
from streamer.act.plays import declared
from streamer.act.plays.book import Book
from streamer.lanes.ports import Write, Writes

LEDGER_KEY: Final = b"!ledger"
_BOOK: Final = b"!book:"
_PERSON: Final = b"p:"
_MESSAGE: Final = b"m:"
_SUPPRESSED: Final = b"s:"
_MEASURE: Final = b"w:"
_COUPON: Final = b"c:"
_ERASED: Final = b"e:"


class StoredBook(msgspec.Struct):
    """A stored version of the file: its text and its templates."""

    version: int
    text: str
    templates: dict[str, str]
    segments: dict[str, list[str] | None]
    source: str


_encode: Final = msgspec.msgpack.Encoder().encode
_json: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.msgpack.Decoder(Message).decode
_suppression: Final = msgspec.msgpack.Decoder(Suppression).decode
_coupon: Final = msgspec.msgpack.Decoder(Coupon).decode
_measure: Final = msgspec.msgpack.Decoder(Measure).decode
_erased: Final = msgspec.msgpack.Decoder(Erased).decode
_ledger: Final = msgspec.json.Decoder(Ledger).decode
_book: Final = msgspec.msgpack.Decoder(StoredBook).decode


def restore(records: Iterable[tuple[bytes, bytes | None]], state: State) -> None:
    """Load records of the compacted topic, in order. The last record of a key counts."""
    for key, value in records:
        if key == LEDGER_KEY and value is not None:
            state.ledger = _ledger(value)
        elif key.startswith(_PERSON):
            state.people.put(key[2:].decode(), value)
        elif key.startswith(_MESSAGE):
            id = key[2:].decode()
            if (before := state.messages.get(id)) is not None:
                state.remove(before)
            if value is not None:
                state.add(_message(value))
        elif key.startswith(_SUPPRESSED):
            _put(state.suppressed, key[2:].decode(), value, _suppression)
        elif key.startswith(_MEASURE):
            _put(state.measures, key[2:].decode(), value, _measure)
        elif key.startswith(_ERASED):
            _put(state.erased, key[2:].decode(), value, _erased)
        elif key.startswith(_COUPON) and value is not None:
            state.coupons.put(key[2:].decode(), _coupon(value))
        elif key.startswith(_BOOK):
            version = int(key[len(_BOOK) :])
            if value is None:
                state.books.pop(version, None)
            else:
                state.books[version] = load_book(_book(value))


def _put(into: dict, name: str, value: bytes | None, decode: Callable) -> None:  # type: ignore[type-arg]
    if value is None:
        into.pop(name, None)
    else:
        into[name] = decode(value)


def writes(outcome: Outcome, state: State, lanes: int) -> Writes:
    """Return all records of one transaction: state, steps in the customers' lanes, and outcomes for the lanes themselves."""
    kept = [Write(key, None, () if refusal is None else refusal.headers()) for key, refusal in outcome.done.items()]
    for version in sorted(outcome.books):
        book = state.books.get(version)
        kept.append(Write(_BOOK + str(version).encode(), None if book is None else _encode(_stored(book))))
    kept += [Write(_PERSON + name.encode(), state.people.packed(name)) for name in sorted(outcome.people)]
    for prefix, names, held in (
        (_MESSAGE, outcome.messages, state.messages),
        (_SUPPRESSED, outcome.suppressed, state.suppressed),
        (_MEASURE, outcome.measures, state.measures),
        (_COUPON, outcome.coupons, state.coupons),
        (_ERASED, outcome.erased, state.erased),
    ):
        for name in sorted(names):
            value = held.get(name)
            kept.append(Write(prefix + name.encode(), None if value is None else _encode(value)))
    found: Writes = {}
    for step in outcome.steps:
        lane = _lane(step.message.customer, lanes)
        found.setdefault((topics.MESSAGES, lane), []).append(_step(step, state))
        if step.message.customer == OWNER:
            continue
        if step.type == "message.sent":
            found.setdefault((topics.EVENTS, lane), []).append(_outcome(step, "sent"))
        elif step.more.get("converted") and not step.more["held_out"]:
            found.setdefault((topics.EVENTS, lane), []).append(_outcome(step, "converted"))
    found[topics.ACT, 0] = [*kept, Write(LEDGER_KEY, _json(state.ledger))]
    return found


@lru_cache(maxsize=4_096)
def _lane(customer: str, lanes: int) -> int:
    """Return the lane of a customer, so that the steps of one message stay in order."""
    return partition_for(customer.encode(), lanes)


def _stored(book: Book) -> StoredBook:
    segments = {name: None if ids is None else sorted(ids) for name, ids in book.segments.items()}
    return StoredBook(book.version, book.text, dict(book.templates), segments, book.source)


def load_book(stored: StoredBook) -> Book:
    """Return the version of the file, parsed as when it was started."""
    segments = {name: None if ids is None else frozenset(ids) for name, ids in stored.segments.items()}
    return declared.load(stored.text, stored.version, segments, stored.templates, stored.source)


def _step(step: Step, state: State) -> Write:
    message = step.message
    id = step_id(message.id, step.type, message.attempt)
    value = {
        "event_id": id,
        "type": step.type,
        "message_id": message.id,
        "customer_id": message.customer,
        "play": message.play,
        "version": message.version,
        "channel": state.books[message.version].plays[message.play].channel,
        "at": iso(step.at),
        "change_event_id": message.change_event_id,
        **{name: iso(ending) if name.endswith("_at") else ending for name, ending in step.more.items()},
    }
    headers = [*message_headers(step.type, id, message.customer, step.at), *_trace(step)]
    return Write(message.customer.encode(), _json(value), headers)


def _trace(step: Step) -> list[tuple[str, bytes]]:
    """Return the header that propagates the trace, if there is one."""
    return [(TRACE_HEADER, step.message.trace.encode())] if step.message.trace else []


def _outcome(step: Step, ending: Literal["sent", "converted"]) -> Write:
    """Return the outcome event that feeds back into the customer's features."""
    message = step.message
    event = MessageOutcome(
        event_id=step_id(message.id, f"outcome.{ending}", 0),
        type="message.outcome",
        customer_id=message.customer,
        occurred_at=step.at,
        message_id=message.id,
        change_event_id=message.change_event_id,
        outcome=ending,
    )
    return Write(message.customer.encode(), event.model_dump_json(exclude_none=True).encode(), _trace(step))
