"""Test that each type of event has a handler, and that admission treats all types alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from heart_logs import DAY, HOUR, T0, Driver, LogMaker, event, order

import schemas
from schemas.arrivals import _BY_TYPE
from schemas.codec import ENABLED_TYPES, arrival
from schemas.events import EVENT_TYPES
from schemas.wire_time import iso
from streamer.core.handlers import HANDLERS
from streamer.core.policy import Policy

EXAMPLES = Path(str(schemas.__file__)).parent / "examples" / "events"
TYPES = sorted(EVENT_TYPES)


def example(type: str, at: int, event_id: str = "e") -> bytes:
    """Return the example of a type, as an event of ``ann`` at ``at``."""
    body = json.loads((EXAMPLES / f"{type}.json").read_bytes())
    body |= {"event_id": event_id, "customer_id": "ann", "occurred_at": iso(at), "sent_at": None}
    if "currency" in body:
        body["currency"] = "EUR"
    if "anonymous_id" in body:
        body |= {"anonymous_id": "ann", "customer_id": "bob"}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def test_every_type_of_event_has_a_handler() -> None:
    """A type without a handler would end the process at its first record."""
    assert set(HANDLERS) == EVENT_TYPES == ENABLED_TYPES
    assert set(_BY_TYPE) <= set(HANDLERS)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("first", [True, False])
def test_every_type_is_applied(type: str, first: bool) -> None:
    """For a customer who is new, and for one who is known; decoded as the lane decodes it."""
    log = LogMaker()
    if not first:
        log.event(order("o", "ann", T0, 20.0))
    log.event(example(type, T0 + HOUR), now=T0 + HOUR)
    assert HANDLERS[arrival(None, log.records[-1].value).type] is HANDLERS[type]
    driver = Driver()
    driver.feed(log.records)
    assert driver.dead == [] and driver.state.ledger.applied == len(log.records)


def too_early(log: LogMaker, type: str) -> None:
    log.event(example(type, T0 + DAY), now=T0)


def before_1990(log: LogMaker, type: str) -> None:
    log.event(example(type, -1), now=T0)


def too_late(log: LogMaker, type: str) -> None:
    log.event(example(type, T0 - 4 * 365 * DAY), now=T0)


def import_before_1990(log: LogMaker, type: str) -> None:
    log.event(example(type, -70 * 365 * DAY), now=T0, import_id="i")


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize(
    ("put", "reason"),
    [(too_early, "too_early"), (before_1990, "bad_date"), (too_late, "too_late"), (import_before_1990, "too_late")],
)
def test_time_bounds_hold_for_every_type(type: str, put: Callable[[LogMaker, str], None], reason: str) -> None:
    log, driver = LogMaker(), Driver()
    put(log, type)
    driver.feed(log.records)
    assert driver.state.ledger.dead_letters == {reason: 1} and driver.state.cache.customers == {}


@pytest.mark.parametrize("type", TYPES)
def test_a_repeat_of_every_type_is_a_duplicate(type: str) -> None:
    log, driver = LogMaker(), Driver()
    log.event(order("o", "ann", T0, 20.0))
    for _ in range(2):
        log.event(example(type, T0 + HOUR), now=T0 + HOUR)
    driver.feed(log.records)
    ledger = driver.state.ledger
    assert (ledger.applied, ledger.duplicates, driver.dead) == (2, 1, [])


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("back", [True, False])
def test_what_is_older_than_an_erase_is_a_duplicate_for_every_type(type: str, back: bool) -> None:
    """Whether or not the erased customer has returned since."""
    log, driver = LogMaker(), Driver()
    log.event(event("customer.erased", "x", "ann", T0 + DAY), now=T0 + DAY)
    if back:
        log.event(order("o", "ann", T0 + 2 * DAY, 20.0), now=T0 + 2 * DAY)
    log.event(example(type, T0), now=T0 + 3 * DAY)
    driver.feed(log.records)
    ledger = driver.state.ledger
    assert (ledger.applied, ledger.duplicates, driver.dead) == (1 + back, 1, [])


@pytest.mark.parametrize("type", TYPES)
def test_every_type_reaches_the_customer_behind_an_alias(type: str) -> None:
    """Forwarded, or followed by an erase; a link of an alias is known."""
    log, driver = LogMaker(), Driver(replace(Policy(), lanes=1))
    log.event(event("identity.linked", "l", "bob", T0, anonymous_id="ann"))
    log.event(example(type, T0 + HOUR), now=T0 + HOUR)
    merge, *others = driver.feed(log.records).rerouted
    assert b"control.merge" in (merge.value or b"") and driver.dead == []
    if type == "identity.linked":
        assert others == [] and driver.state.ledger.duplicates == 1
    else:
        [other] = others
        assert other.key == b"bob"
