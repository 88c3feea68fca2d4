"""Process inputs other than changes: commands for plays, and events about messages or consent."""

from __future__ import annotations

import contextlib

import structlog

from schemas.act import COMMAND_KEY, CouponsCommand, PlayCommand, Refusal, decode_command
from schemas.codec import decode as decode_event
from schemas.errors import InvalidEvent, UserError
from schemas.events import CustomerErased, MessageOutcome, OrderCompleted, SubscriptionUpdated
from schemas.records import LogRecord
from schemas.signing import SIGNATURE_HEADER, ControlKeys
from streamer.act.heart.commands import command
from streamer.act.heart.signals import erase, take_signal
from streamer.act.heart.state import Outcome, State
from streamer.act.plays import declared
from streamer.act.plays.book import Book

log = structlog.get_logger(__name__)

# Most records have other types and are not even parsed.
_SIGNALS = (b"subscription.updated", b"message.outcome", b"customer.erased", b'"coupon"')

_UNSIGNED = (
    "this machine needs the control key of the service: copy control.key into its STREAMER_HOME, or run the command as the"
    " user of the service (docs/control-key.md)"
)


def carry_out(record: LogRecord, state: State, outcome: Outcome, now: int, keys: ControlKeys | None) -> None:
    """Carry out the command in a record. If that is impossible, answer with the reason."""
    key = record.key or b""
    if not key.startswith(COMMAND_KEY) or record.value is None:
        return
    outcome.done[key] = None
    try:
        order, state.ledger.ordered = decode_command(record.value, record.headers, keys, state.ledger.ordered)
        if isinstance(order, CouponsCommand):
            new = state.coupons.load(order.pool, order.codes)
            outcome.coupons.update(new)
            log.info("loaded coupons", pool=order.pool, new=len(new), known=len(order.codes) - len(new))
            return
        command(order, _book_of(order, state), state, outcome, now)
        log.info("applied a play command", action=order.action, play=order.play)
    except InvalidEvent as error:
        _refuse(key, Refusal(error.message, _UNSIGNED if error.field == SIGNATURE_HEADER else ""), outcome)
    except UserError as error:
        _refuse(key, Refusal(error.message, error.hint), outcome)


def _refuse(key: bytes, refusal: Refusal, outcome: Outcome) -> None:
    outcome.done[key] = refusal
    log.warning("rejected a play command", error=refusal.why)


def _book_of(order: PlayCommand, state: State) -> Book | None:
    """Return the book in a command that starts a play. Raises UserError if it does not declare that play."""
    if order.action != "start" or order.text is None:
        return None
    segments = {name: None if ids is None else frozenset(ids) for name, ids in order.segments.items()}
    book = declared.load(order.text, state.ledger.book + 1, segments, order.templates, order.source)
    if order.play not in book.plays:
        raise UserError(f"{order.source} does not declare the play {order.play}", "")
    return book


def take_event(record: LogRecord, state: State, outcome: Outcome, now: int) -> None:
    """Apply an event of the input topic, if it concerns messages."""
    if record.value is None:
        id = (record.key or b"").decode(errors="replace")
        erase(id, record.timestamp, state, outcome, now, record.timestamp)
        return
    body = record.value
    if not any(one in body for one in _SIGNALS) and not any(name == "ce_type" for name, _ in record.headers):
        return
    with contextlib.suppress(InvalidEvent):
        event = decode_event(record.key, body, record.headers)
        if isinstance(event, SubscriptionUpdated | MessageOutcome | CustomerErased):
            take_signal(event, state, outcome, now, record.timestamp)
        elif isinstance(event, OrderCompleted) and event.coupon and state.coupons.use(event.coupon, event.occurred_at):
            outcome.coupons.add(event.coupon)
