"""List the records that once stopped every lane, or could have, and the required result of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from models.customer import merging
from models.customer.customer import Customer
from schemas.control import CONTROL_HEADER, IMPORT_HEADER, ControlImport, control_headers, encode_control
from schemas.records import Headers
from schemas.wire_time import iso

APPLIED, CONTROL = "applied", "control"


@dataclass(frozen=True)
class Sent:
    """One record for the tested lane, or for ``lane``."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    lane: int | None = None


@dataclass(frozen=True)
class Row:
    """What is sent, and the required result of its records: a reason, ``applied`` or ``control``."""

    name: str
    sent: Sequence[Sent]
    becomes: str
    others: str = APPLIED
    """Required result of all records but the last."""


def order(id: str, customer: str, at: int, **more: Any) -> bytes:
    body = {
        "event_id": id,
        "type": "order.completed",
        "customer_id": customer,
        "occurred_at": iso(at),
        "order_id": id,
        "total": 20.0,
        "currency": "EUR",
        **more,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _control(type: str, **fields: Any) -> Sent:
    return Sent(None, json.dumps({"type": type, **fields}).encode(), ((CONTROL_HEADER, b"1"),))


def _merge(to: str, at: int, change: Callable[[dict[str, Any]], None]) -> Sent:
    old = Customer("old", (0, 0), at)
    old.first_seen = old.last_seen = at
    statistics, ids, orders = merging.hand_over(old, None, "linked", at, None)
    held = {"statistics": statistics, "orders": orders}
    change(held)
    return _control("control.merge", **{"from": "old", "to": to}, event_ids=ids, **held)


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(held: dict[str, Any]) -> None:
        held["statistics"][name] = value

    return change


def _orders(*orders: Any) -> Callable[[dict[str, Any]], None]:
    def change(held: dict[str, Any]) -> None:
        held["orders"] = list(orders)

    return change


def _definitions(text: str, version: int = 7) -> Sent:
    return _control("control.definitions", version=version, body={"toml": text})


def _many_rules(count: int) -> str:
    """Return a file that is valid except for its length."""
    names = [f"a{number}" for number in range(count)]
    rules = [f'{{segment="{name}",when="orders > {number}"}}' for number, name in enumerate(names)]
    listed = ",".join([*rules, '{segment="rest"}'])
    meant = [f'{name}={{name="a"}}' for name in (*names, "rest")]
    return "\n".join(["[many]", 'kind="rules"', f"rules=[{listed}]", "[many.segments]", *meant])


def rows(now: int, ours: Sequence[str], other: str) -> list[Row]:
    """Return all rows.

    Parameters
    ----------
    now
        Current time, epoch ms.
    ours
        Customers of the lane, one for each row that needs one.
    other
        A customer of another lane.
    """
    fresh = iter(ours)

    def one() -> str:
        return next(fresh)

    def opened(name: str) -> Sent:
        value = encode_control(ControlImport(import_id=name, state="opened", source_hash="h"))
        return Sent(None, value, tuple(control_headers(value)))

    def closed(name: str) -> Sent:
        value = encode_control(ControlImport(import_id=name, state="closed", source_hash="h"))
        return Sent(None, value, tuple(control_headers(value)))

    def imported(text: str) -> Sequence[Sent]:
        id = one()
        body = order(f"old-{id}", id, now).replace(iso(now).encode(), text.encode())
        return (opened(f"i-{id}"), Sent(id.encode(), body, ((IMPORT_HEADER, f"i-{id}".encode()),)))

    found = [
        Row("JSON nested 1,000 deep", [Sent(b"zed", b'{"a":' * 1_000)], "not_json"),
        Row("JSON nested 100,000 deep", [Sent(b"zed", b"[" * 100_000)], "not_json"),
        Row("an import's event of 1900", imported("1900-01-01T00:00:00Z"), "too_late", CONTROL),
        Row("an import's event of the year 1", imported("0001-01-01T00:00:00Z"), "too_late", CONTROL),
        Row("an import's event of the year 9999", imported("9999-12-31T23:59:59Z"), "too_early", CONTROL),
        Row("3 MB of blanks, compressed", [Sent(b"zed", b" " * 3_000_000)], "oversize"),
        Row("headers of 3 MB on bad JSON", [Sent(b"zed", b"{", (("h", b"x" * 3_000_000),))], "not_json"),
        Row("a key of 3 MB", [Sent(b"k" * 3_000_000, b"{")], "not_json"),
    ]
    id = one()
    big = ("h", b"x" * 3_000_000)
    found += [
        Row("headers of 3 MB on a good event", [Sent(id.encode(), order(f"h-{id}", id, now), (big,))], APPLIED),
        Row(
            "headers of 3 MB on a misplaced event",
            [Sent(other.encode(), order("h-other", other, now), (big,))],
            "oversize",
        ),
        Row(
            "an event of almost 1 MiB, misplaced",
            [Sent(other.encode(), order("big-other", other, now, custom="x" * 1_047_500))],
            "oversize",
        ),
    ]
    id = one()
    for letters, becomes in ((512, "invalid_field"), (85, APPLIED)):
        lines = [
            {"product_id": f"p{n}", "category": chr(0x4E00 + n) * letters, "price": 1.0, "quantity": 1}
            for n in range(20)
        ]
        sent = [
            Sent(id.encode(), order(f"cat{letters}-{n}-{id}", id, now - n * 1_000, products=lines)) for n in range(64)
        ]
        found.append(Row(f"64 orders of 20 categories of {letters} Chinese letters", sent, becomes, becomes))
    id = one()
    spent = [Sent(id.encode(), order(f"m{n}-{id}", id, now, total=1e12, currency="KWD")) for n in range(60)]
    found.append(Row("money beyond 64 bits", spent, "invalid_field", "invalid_field or applied"))

    to = one()
    huge = 253_370_764_800_000 + 10**15
    for name, change in (
        ("an empty list as a category", _set("categories", {"shoes": []})),
        ("other behaviour bytes", _set("behaviour", "AAAA")),
        ("spend of 2^63 - 1", _set("spend", 2**63 - 1)),
        ("at in the year 300000", _set("at", huge)),
        ("first_seen in the year -9999", _set("first_seen", -huge)),
        ("counts that are texts", _set("interactions", ["x"])),
        ("weights beyond all numbers", _set("spend_weight", 1e308)),
        ("an order in the year 300000", _orders([huge, "AAAAAAAAAAA=", 1, 1, 0, [], 0, 0, False])),
        ("outcomes of another length", _set("about", [{}, None, None, {}, 0, 0.0, [1], [1.0, 2.0]])),
        ("no statistics", lambda held: held.update(statistics={})),
    ):
        found.append(Row(f"merge: {name}", [_merge(to, now, change)], "bad_control"))
    found += [
        Row("definitions: version 2^70", [_definitions("", 2**70)], "bad_control"),
        Row("definitions: version 2^63 - 1", [_definitions(_many_rules(1), 2**63 - 1)], "bad_control"),
        Row("definitions: deep TOML", [_definitions("a = " + "[" * 20_000)], "bad_control"),
        Row("definitions: a number of 5,000 digits", [_definitions("a = " + "9" * 5_000)], "bad_control"),
        Row("definitions: a key of 90,000 parts", [_definitions("a." * 90_000 + "b = 1")], "bad_control"),
        Row("definitions: 3,000 rules", [_definitions(_many_rules(3_000))], "bad_control"),
        Row("definitions: no text", [_control("control.definitions", version=7, body={"toml": 7})], "bad_control"),
        Row("model: a body of texts", [_model({"k": "x", "segments": {}})], "bad_control"),
        Row("model: version 2^63 - 1", [_model({}, 2**63 - 1)], "bad_control"),
        Row("a control record of no type", [_control("control.nothing")], "bad_control"),
        Row("a control record without a value", [Sent(None, None, ((CONTROL_HEADER, b"1"),))], "bad_control"),
        Row(
            "an import's clock in the future",
            [_control("control.clock", import_id="x", at=iso(now + 10**12))],
            "bad_control",
        ),
        Row("1,001 open imports", [opened(f"many-{n}") for n in range(1_001)], "bad_control", "control or bad_control"),
        Row("their ends", [closed(f"many-{n}") for n in range(1_001)], CONTROL, CONTROL),
    ]
    return found


def _model(body: Any, version: int = 9) -> Sent:
    return _control("control.model", segmentation="behaviour", version=version, body=body)
