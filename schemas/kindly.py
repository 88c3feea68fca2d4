"""Lenient reading: corrects minor deviations from the contract, such as numbers as text or times without an offset.

It runs only after the contract rejected a body, so valid events pay nothing. The stored form stays strict: the body is
translated to our field names and validated like any other. An invalid optional field is dropped rather than the event,
and every dropped or defaulted field is named, so that it can be counted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import from_json

from schemas import segment_spec
from schemas.events import EVENT_TYPES, OTHER_TOTALS, Event
from schemas.own_names import meant
from schemas.refusals import locations
from schemas.wire_time import iso

OWN: Final = "event.tracked"
_IDS: Final = ("event_id", "customer_id", "anonymous_id", "order_id", "refund_id", "product_id", "message_id")
_AMOUNTS: Final = ("total", "discount", "shipping", "tax", "price", "rating")
_OPTIONAL: Final = frozenset(
    (
        "sent_at",
        "updated_at",
        "schema_version",
        "context",
        "discount",
        "shipping",
        "tax",
        "coupon",
        "products",
        "traits",
    )
)
_OPTIONAL_OF_INTERACTIONS: Final = _OPTIONAL | {
    "product_id",
    "category",
    "price",
    "currency",
    "quantity",
    "url",
    "query",
}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_SERIAL: Final = re.compile(r"\d{9,19}(\.\d+)?", re.ASCII)
_SALES: Final = frozenset(("order.completed", "order.updated", "order.refunded", "order.cancelled"))
_TRIES: Final = 4
_DEPTHS: Final[Mapping[int | str, int]] = {"products": 3, "context": 2, "traits": 2}
"""Length of the path to the part that is dropped; for other fields, the whole field."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The shop's defaults: its currency and time zone."""

    currency: str = "EUR"
    zone: str = "UTC"


def read(value: bytes, reading: Reading, validate: Callable[[bytes], Event]) -> tuple[Event, list[str]]:
    """Return the intended event of a body, and the fields that were ignored or replaced by a default.

    An order or refund that names no customer is a guest's: its ``customer_id`` is empty.

    Raises
    ------
    ValidationError
        No event can be derived; the first finding has the reason.
    ValueError
        The body is not a JSON object.
    """
    body = _own_words(_object(value))
    noted: list[str] = []
    kind = body.get("type")
    if isinstance(kind, str):
        _repair(body, reading, noted)
    if isinstance(kind, str) and kind in _SALES and body.get("customer_id") is None:
        event, fields = _validated({**body, "customer_id": "-"}, noted, validate)
        return event.model_copy(update={"customer_id": ""}), fields
    return _validated(body, noted, validate)


def _validated(body: dict[str, Any], noted: list[str], validate: Callable[[bytes], Event]) -> tuple[Event, list[str]]:
    """Return the event of a body without its invalid optional fields. Raises ValidationError."""
    for _ in range(_TRIES):
        try:
            return validate(json.dumps(body).encode()), sorted(set(noted))
        except ValidationError as error:
            if not _leave_out(body, error, noted):
                raise
    return validate(json.dumps(body).encode()), sorted(set(noted))


def _object(value: bytes) -> dict[str, Any]:
    body = from_json(value)
    if not isinstance(body, dict):
        raise ValueError("not an object")
    # A complete CloudEvent, as found in files.
    if isinstance(body.get("specversion"), str) and isinstance(body.get("data"), dict):
        fields = {"id": "event_id", "type": "type", "time": "occurred_at", "subject": "customer_id"}
        return {**body["data"], **{ours: body[name] for name, ours in fields.items() if body.get(name) is not None}}
    return body


def _own_words(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with a built-in type if its own type is an alias or a custom name."""
    kind = body.get("type")
    if not isinstance(kind, str) or kind in EVENT_TYPES:
        return body
    if kind in segment_spec.TAGS:
        body = segment_spec.as_event(body)
        kind = body.get("type")
    if isinstance(kind, str) and kind not in EVENT_TYPES and _is_own(kind, body):
        return {**body, "type": OWN, "name": kind}
    return body


def _is_own(name: str, body: Mapping[str, Any]) -> bool:
    """Return whether a type is a custom event: it has properties, is not a misspelt built-in type, and is not an order."""
    properties = body.get("properties", body) if body.get("from_properties") else body.get("properties")
    if not isinstance(properties, dict) or name.startswith("control.") or meant(name) is not None:
        return False
    return not is_order(properties)


_ORDER_IDS: Final = frozenset(("orderid", "ordernumber", "orderno", "ordername", "transactionid"))
_TOTALS: Final = frozenset(
    ("total", "revenue", "value", "totalprice", "totalamount", "grandtotal", "ordertotal", "ordervalue")
)


def is_order(body: Mapping[str, Any]) -> bool:
    """Return whether a body has the id and the total of an order, under any of their usual names.

    >>> is_order({"orderNumber": 7, "total_price": "5.00"}), is_order({"plan": "pro", "value": 5})
    (True, False)
    """
    names = {re.sub(r"[^a-z]", "", name.lower()) for name, value in body.items() if value}
    return not names.isdisjoint(_ORDER_IDS) and not names.isdisjoint(_TOTALS)


# -- translation --------------------------------------------------------------------------------------------------


def _repair(body: dict[str, Any], reading: Reading, noted: list[str]) -> None:
    kind = body["type"]
    for ours, theirs in (("order_id", "orderId"), ("event_id", "messageId"), ("event_id", "message_id")):
        if (
            body.get(ours) is None
            and body.get(theirs) is not None
            and not (kind == "message.outcome" and theirs[-1] == "d")
        ):
            body[ours] = body[theirs]
    _customer(body)
    for name in _IDS:
        if (text := _id(body.get(name))) is not None:
            body[name] = text
    for name in ("occurred_at", "sent_at", "updated_at"):
        _time(body, name, reading, noted)
    for name in _AMOUNTS:
        _amount(body, name)
    if kind.startswith("order."):
        _order(body, kind, reading, noted)
    if isinstance(currency := body.get("currency"), str):
        body["currency"] = currency.upper()
    _amount(body, "quantity")
    if isinstance(traits := body.get("traits"), dict):
        body["traits"] = _traits(traits, reading, noted)
    if body.get("event_id") is None:
        text = json.dumps(body, sort_keys=True, default=str)
        body["event_id"] = "made-" + hashlib.sha256(text.encode()).hexdigest()[:27]


def _customer(body: dict[str, Any]) -> None:
    """Treat an empty id as absent, so that another id may identify the visitor."""
    names = ("userId", "user_id", "customerId", "customer", "user", "anonymousId")
    for name in ("customer_id", *names):
        if body.get(name) == "":
            body.pop(name)
    if body.get("customer_id") is None:
        there = (body[name] for name in names if body.get(name) is not None)
        body["customer_id"] = next((id for one in there if (id := _id_of(one)) is not None), None)


def _id_of(value: Any) -> Any:
    """Return an id, or the id inside an object such as ``{"id": 17}``."""
    return value.get("id") if isinstance(value, dict) else value


def _order(body: dict[str, Any], kind: str, reading: Reading, noted: list[str]) -> None:
    if body.get("total") is None:
        for name in OTHER_TOTALS:
            if body.get(name) is not None:
                body["total"] = body[name]
                _amount(body, "total")
                break
    if body.get("currency") == "":
        body.pop("currency")
    total = body.get("total")
    if kind in ("order.refunded", "order.cancelled"):
        if isinstance(total, int | float) and total < 0:
            body["total"] = -total
    elif body.get("currency") is None and total is not None:
        body["currency"] = reading.currency
        noted.append("currency")
    if isinstance(lines := body.get("products"), list):
        body["products"] = [line for line in map(_line, lines) if _keep(line, noted)]


def _line(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    line = dict(line)
    for name in ("product_id", "sku", "id", "name"):
        if (text := _id(line.get(name))) is not None:
            line["product_id"] = text
            break
    _amount(line, "price")
    _amount(line, "quantity")
    return line


def _keep(line: Any, noted: list[str]) -> bool:
    if isinstance(line, dict) and isinstance(line.get("product_id"), str) and line["product_id"]:
        return True
    noted.append("products")
    return False


def _traits(traits: dict[str, Any], reading: Reading, noted: list[str]) -> dict[str, Any]:
    """Return traits, with custom ones under ``custom``."""
    found = dict(traits)
    _time(found, "signup_at", reading, noted)
    for name in ("income", "birth_year"):
        _amount(found, name)
    return found


def _id(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return None


def _amount(body: dict[str, Any], name: str) -> None:
    """Parse a number written as text."""
    text = body.get(name)
    if isinstance(text, str) and _NUMBER.fullmatch(text.strip()):
        number = float(text)
        body[name] = int(number) if number.is_integer() and abs(number) < 2**53 else number


def _time(body: dict[str, Any], name: str, reading: Reading, noted: list[str]) -> None:
    """Parse a time given as a number since 1970, or without an offset, in the shop's zone."""
    value = body.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    if not isinstance(value, str):
        return
    text = value.strip()
    if _SERIAL.fullmatch(text):
        number = float(text)
        body[name] = iso(round(number * 1000 if number < 1e11 else number if number < 1e14 else number / 1000))
        return
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(reading.zone))
        noted.append(f"{name}.zone")
    try:
        body[name] = iso(round(at.timestamp() * 1000))
    except (OverflowError, ValueError):
        return


# -- dropping fields ----------------------------------------------------------------------------------------------


def _leave_out(body: dict[str, Any], error: ValidationError, noted: list[str]) -> bool:
    """Remove invalid optional fields from a body; return False if a required field is invalid."""
    kind = str(body.get("type"))
    optional = _OPTIONAL if kind.startswith("order.") else _OPTIONAL_OF_INTERACTIONS
    found = locations(error)
    if not found or not all(path and path[0] in optional for path in found):
        return False
    for path in found:
        _drop(body, path)
        depth = _DEPTHS.get(path[0], 1)
        noted.append(".".join(str(part) for part in path[:depth] if isinstance(part, str)))
    return True


def _drop(body: Any, path: tuple[int | str, ...]) -> None:
    # Path elements after a plain field's name are the types that pydantic tried.
    *way, last = path[: _DEPTHS.get(path[0], 1)]
    for part in way:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(body, dict):
        body.pop(last, None)
    elif isinstance(body, list) and isinstance(last, int) and last < len(body):
        # Replace a line only if it is not an object; a placeholder keeps the positions of the others.
        body[last] = {"product_id": "?"}
