"""``publish``: publish one event from flags, or many as JSON lines. Events that would be dead letters are rejected here."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages.count import Count
from schemas.errors import InvalidEvent, UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from schemas.events import Event
    from streamer.client.connections import Connections
    from streamer.config.settings import Settings
    from streamer.core.policy import Policy

_INTERACTIONS = {
    "view": "product.viewed",
    "click": "product.clicked",
    "cart-add": "cart.added",
    "cart-remove": "cart.removed",
    "checkout": "checkout.started",
    "page": "page.viewed",
    "email-open": "email.opened",
    "email-click": "email.clicked",
}
_REVERSALS = {"refund": "order.refunded", "cancellation": "order.cancelled"}

_HINTS = {
    "too_early": "check the producer's clock and the time's UTC offset",
    "too_late": "send past events with `streamer import`, or raise STREAMER_RETENTION_DAYS",
    "unknown_currency": "set STREAMER_RATES to the value of one unit in your currency, for example USD=0.92",
    "nobody": "pass the customer's own id; STREAMER_NOBODY lists the placeholders",
}
"""What the sender can do about a rejected event, by reason."""

Customer = Annotated[str, typer.Option("--customer", "-c", help="Customer id.")]
At = Annotated[str | None, typer.Option(help="Event time in RFC 3339 format with a UTC offset. Default: now.")]
EventId = Annotated[str | None, typer.Option(help="Event id, used to drop duplicates. Default: a new id.")]
Currency = Annotated[str | None, typer.Option(help="ISO 4217 currency code. Default: STREAMER_CURRENCY.")]
Products = Annotated[
    list[str] | None,
    typer.Option("--product", help="Product, as ID,PRICE,QUANTITY,CATEGORY (only ID is required). May be repeated."),
]


def register(app: typer.Typer) -> None:
    publish = common.group(
        "publish",
        "Publish one event, or many from standard input.",
        "streamer publish order --customer 17 --total 59.90",
    )
    publish.command("order")(order)
    for name, type in _REVERSALS.items():
        publish.command(name, help=_help(name, type, " --order-id 1001"))(_reversal(type))
    for name, type in _INTERACTIONS.items():
        publish.command(name, help=_help(name, type))(_interaction(type))
    publish.command("profile")(profile)
    publish.command("consent")(consent)
    publish.command("subscription")(subscription)
    publish.command("outcome")(outcome)
    publish.command("events")(events)
    app.add_typer(publish)


def _help(name: str, type: str, flags: str = "") -> str:
    return f"Publish one {type} event.\n\nExample:  streamer publish {name} --customer 17{flags}"


def order(
    customer: Customer,
    total: Annotated[float, typer.Option(help="Amount paid.")],
    currency: Currency = None,
    order_id: Annotated[str | None, typer.Option(help="Order id. Default: a new id.")] = None,
    product: Products = None,
    discount: Annotated[float | None, typer.Option(help="Discount amount.")] = None,
    coupon: Annotated[str | None, typer.Option(help="Coupon code.")] = None,
    at: At = None,
    event_id: EventId = None,
    json: Json = False,
) -> None:
    """Publish one order.completed event.

    Example:  streamer publish order --customer 17 --total 59.90 --product A1,29.95,2
    """
    in_force = common.settings()
    more = {
        "order_id": order_id or f"o-{uuid.uuid4().hex[:12]}",
        "total": total,
        "currency": currency or in_force.currency,
        "discount": discount,
        "coupon": coupon,
        "products": _lines(product),
    }
    _publish(in_force, _event("order.completed", customer, at, event_id, more), json)


def _reversal(type: str) -> Callable[..., None]:
    def command(
        customer: Customer,
        order_id: Annotated[str | None, typer.Option(help="Order id, if known.")] = None,
        total: Annotated[float | None, typer.Option(help="Amount refunded. Default: the whole order.")] = None,
        currency: Currency = None,
        refund_id: Annotated[str | None, typer.Option(help="Refund id. Default: a new id.")] = None,
        product: Products = None,
        at: At = None,
        event_id: EventId = None,
        json: Json = False,
    ) -> None:
        in_force = common.settings()
        more = {
            "refund_id": refund_id or f"r-{uuid.uuid4().hex[:12]}",
            "order_id": order_id,
            "total": total,
            "currency": currency or (in_force.currency if total is not None else None),
            "products": _lines(product),
        }
        _publish(in_force, _event(type, customer, at, event_id, more), json)

    return command


def _interaction(type: str) -> Callable[..., None]:
    def command(
        customer: Customer,
        product_id: Annotated[str | None, typer.Option("--product", help="Product id.")] = None,
        category: Annotated[str | None, typer.Option(help="Product category.")] = None,
        price: Annotated[float | None, typer.Option(help="Product price.")] = None,
        currency: Currency = None,
        quantity: Annotated[int | None, typer.Option(help="Number of items.")] = None,
        url: Annotated[str | None, typer.Option(help="Page URL.")] = None,
        query: Annotated[str | None, typer.Option(help="Search term.")] = None,
        at: At = None,
        event_id: EventId = None,
        json: Json = False,
    ) -> None:
        in_force = common.settings()
        more = {
            "product_id": product_id,
            "category": category,
            "price": price,
            "currency": currency or (in_force.currency if price is not None else None),
            "quantity": quantity,
            "url": url,
            "query": query,
        }
        _publish(in_force, _event(type, customer, at, event_id, more), json)

    return command


def profile(
    customer: Customer,
    name: Annotated[str | None, typer.Option(help="Customer name.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="Phone number.")] = None,
    language: Annotated[str | None, typer.Option(help="Language tag, for example en or zh-CN.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA time zone, for example Europe/Berlin.")] = None,
    country: Annotated[str | None, typer.Option(help="Country.")] = None,
    city: Annotated[str | None, typer.Option(help="City.")] = None,
    custom: Annotated[list[str] | None, typer.Option(help="Custom trait, as NAME=TEXT. May be repeated.")] = None,
    at: At = None,
    event_id: EventId = None,
    json: Json = False,
) -> None:
    """Publish one profile.updated event. Traits that you leave out keep their values.

    Example:  streamer publish profile --customer 17 --email ann@example.org --language en
    """
    own = {name: text for name, _, text in (part.partition("=") for part in custom or [])}
    given = {
        "name": name,
        "email": email,
        "phone": phone,
        "language": language,
        "timezone": timezone,
        "country": country,
        "city": city,
        "custom": own or None,
    }
    traits = {name: value for name, value in given.items() if value is not None}
    if not traits:
        raise typer.BadParameter("pass at least one trait", param_hint="--email")
    _publish(common.settings(), _event("profile.updated", customer, at, event_id, {"traits": traits}), json)


def consent(
    customer: Customer,
    personalization: Annotated[bool, typer.Option(help="Consent to segmentation.")] = True,
    marketing: Annotated[bool, typer.Option(help="Consent to marketing messages.")] = True,
    analytics: Annotated[bool, typer.Option(help="Consent to analytics.")] = True,
    at: At = None,
    event_id: EventId = None,
    json: Json = False,
) -> None:
    """Publish one consent.updated event. It replaces all consent that the customer gave before.

    Example:  streamer publish consent --customer 17 --no-marketing
    """
    more = {"personalization": personalization, "marketing": marketing, "analytics": analytics}
    _publish(common.settings(), _event("consent.updated", customer, at, event_id, more), json)


def subscription(
    customer: Customer,
    list: Annotated[str, typer.Option("--list", help="Name of the mailing list, or * for all lists.")],
    subscribed: Annotated[bool, typer.Option("--subscribed/--unsubscribed", help="New subscription state.")],
    at: At = None,
    event_id: EventId = None,
    json: Json = False,
) -> None:
    """Publish one subscription.updated event.

    Example:  streamer publish subscription --customer 17 --list offers --unsubscribed
    """
    more = {"list": list, "subscribed": subscribed}
    _publish(common.settings(), _event("subscription.updated", customer, at, event_id, more), json)


def outcome(
    customer: Customer,
    message: Annotated[str, typer.Option("--message", help="Message id.")],
    outcome: Annotated[str, typer.Option(help="Message outcome: delivered, opened, clicked, bounced ...")],
    change: Annotated[str, typer.Option("--change", help="Event id of the triggering change.")] = "unknown",
    at: At = None,
    event_id: EventId = None,
    json: Json = False,
) -> None:
    """Publish one message.outcome event, for example a bounce reported by your e-mail provider.

    Example:  streamer publish outcome --customer 17 --message 25e510f3-... --outcome bounced
    """
    more = {"message_id": message, "change_event_id": change, "outcome": outcome}
    _publish(common.settings(), _event("message.outcome", customer, at, event_id, more), json)


def events(
    unchecked: Annotated[
        bool,
        typer.Option("--unchecked", help="Also publish invalid events, which workers move to the dead letters."),
    ] = False,
    json: Json = False,
) -> None:
    """Publish events from standard input, one JSON object per line. Stops at the first invalid event.

    Example:  streamer publish events < events.jsonl
    """
    if sys.stdin.isatty():
        common.note("reading events from the terminal, one JSON object per line; end with Ctrl-D")
    in_force = common.settings()
    with connections(in_force) as to:
        sent = _send_lines(to, sys.stdin.buffer, unchecked)
    if json:
        common.print_json({"published": sent})
    else:
        common.console().print(f"published {Count(sent):|event}")


def _send_lines(to: Connections, lines: Iterable[bytes], unchecked: bool) -> int:
    from schemas.topics import EVENTS
    from streamer.adapters.client import sender

    policy, sent = to.settings.policy(to.lanes), 0
    with sender(to.kafka, EVENTS, to.lanes) as send:
        for number, line in enumerate(lines, 1):
            body = line.rstrip(b"\r\n")
            if not body.strip():
                continue
            try:
                key = _key(body) if unchecked else check(body, policy, _now_ms()).partition_id().encode()
            except UserError as error:
                text = f"line {number}: {error.message}" + (f" ({sent:,} before it are published)" if sent else "")
                send.flush()
                raise UserError(text, error.hint) from None
            send.send(key, body)
            sent += 1
    return sent


def _key(body: bytes) -> bytes | None:
    """Return the apparent customer of a line, or None."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    id = found.get("customer_id") if isinstance(found, dict) else None
    return id.encode("utf-8", "surrogatepass") if isinstance(id, str) else None


def _publish(in_force: Settings, event: dict[str, Any], as_json: bool) -> None:
    from schemas.topics import EVENTS
    from streamer.adapters.client import sender

    body = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
    # Report invalid flags before connecting to a broker.
    checked = check(body, in_force.policy(), _now_ms())
    places: list[tuple[int, int]] = []
    with connections(in_force) as to, sender(to.kafka, EVENTS, to.lanes) as send:
        send.send(checked.partition_id().encode(), body, acknowledged=lambda *place: places.append(place))
    partition, offset = places[0]
    if as_json:
        named = {name: event[name] for name in ("event_id", "type", "customer_id")}
        common.print_json({**named, "partition": partition, "offset": offset})
        return
    more = "".join(f", {name} {event[name]}" for name in ("order_id", "refund_id") if name in event)
    common.console().print(
        f"{event['type']} of customer {event['customer_id']}: partition {partition}, offset {offset} "
        f"(event_id {event['event_id']}{more})",
        markup=False,
    )


def check(body: bytes, policy: Policy, now_ms: int) -> Event:
    """Return the event of a body that workers would accept.

    Raises
    ------
    UserError
        Workers would dead-letter the event, or the topic would not accept it.
    """
    from schemas.topics import MAX_MESSAGE_BYTES
    from streamer.adapters.client import too_large
    from streamer.core.precheck import precheck, unknown_currency

    if len(body) > MAX_MESSAGE_BYTES:
        raise too_large(len(body))
    if len(body) > policy.max_event_bytes:
        raise UserError(
            f"this event has {len(body):,} bytes; the limit is {policy.max_event_bytes:,} bytes",
            "remove fields that segments do not need, for example long texts, or raise STREAMER_MAX_EVENT_BYTES",
        )
    try:
        event = precheck(body, policy, now_ms)
        if currency := unknown_currency(event, policy):
            raise InvalidEvent("unknown_currency", f"currency: no rate for {currency}", "currency")
    except InvalidEvent as error:
        raise UserError(f"{error.message} ({error.reason})", _hint(error)) from None
    return event


def _hint(error: InvalidEvent) -> str:
    from schemas.codec import ENABLED_TYPES

    if error.reason == "unknown_type" or error.field == "type":
        return f"type may be {', '.join(sorted(ENABLED_TYPES))}"
    if error.reason in _HINTS:
        return _HINTS[error.reason]
    if error.reason == "not_json":
        return "write one JSON object a line, in UTF-8"
    if error.reason == "invalid_field" and error.field:
        return f"correct {error.field}; `streamer schemas export` prints what each field may hold"
    return "`streamer schemas export` prints what an event may hold"


def _event(type: str, customer: str, at: str | None, event_id: str | None, more: dict[str, Any]) -> dict[str, Any]:
    event = {
        "event_id": event_id or str(uuid.uuid4()),
        "type": type,
        "customer_id": customer,
        "occurred_at": at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **more,
    }
    return {name: value for name, value in event.items() if value is not None}


def _lines(products: list[str] | None) -> list[dict[str, Any]] | None:
    """Return the lines of an order from flags such as ``A1,29.95,2,Toys``."""
    lines = []
    for text in products or []:
        id, *rest = text.split(",", 3)
        line: dict[str, Any] = {"product_id": id}
        try:
            if rest and rest[0]:
                line["price"] = float(rest[0])
            if len(rest) > 1 and rest[1]:
                line["quantity"] = int(rest[1])
        except ValueError:
            raise typer.BadParameter(
                f"{text!r} is not of the form ID,PRICE,QUANTITY,CATEGORY, for example A1,29.95,2,Toys",
                param_hint="--product",
            ) from None
        if len(rest) > 2:
            line["category"] = rest[2]
        lines.append(line)
    return lines or None


def _now_ms() -> int:
    from streamer.adapters.clock import SystemClock

    return SystemClock().now_ms()
