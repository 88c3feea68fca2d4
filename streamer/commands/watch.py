"""``watch``: print segment changes as they are published."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from schemas.screen_text import json_text
from schemas.screen_text import line as one_line
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.queries.reasons import because_words

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from schemas.records import Record
    from streamer.client.connections import Connections


def register(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    segmentation: Annotated[
        str | None,
        typer.Option("--segmentation", "-s", help=("Show only changes of this segmentation, for example lifecycle.")),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Show only moves into this segment, for example at_risk.")] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", "-c", help="Show only changes of this customer.")
    ] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Also show changes that were published earlier.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Number of changes to print before exiting.")
    ] = None,
    json: Json = False,
) -> None:
    """Follow segment changes as they are published, until Ctrl-C.

    With --json, prints one change per line, exactly as published.

    Example:  streamer watch --segmentation lifecycle --to at_risk
    """
    from schemas.topics import CHANGES
    from streamer.adapters.client import read

    found, shown = common.settings(), 0
    zone, texts = ZoneInfo(found.timezone), messages(found.language)
    out = common.console()
    with connections(found) as server:
        _doubt(server, segmentation, to, texts)
        records = read(
            server.kafka,
            CHANGES,
            from_start=from_start,
            follow=True,
            ready=lambda: common.note(texts("watching")),
        )
        for record in records:
            if record.value is None or not _wanted(record, segmentation, to, customer):
                continue
            if json:
                print(json_text(record.value.decode()), flush=True)
            else:
                out.print(line(jsonlib.loads(record.value), zone, datetime.now(zone).date(), texts), markup=False)
            shown += 1
            if shown == limit:
                return


def _doubt(server: Connections, segmentation: str | None, to: str | None, texts: Messages) -> None:
    """Explain why nothing may ever appear: no worker is running, or no such segment exists yet. Watch anyway."""
    from streamer.adapters.group import member_count
    from streamer.queries.segments import table

    if not member_count(server.bootstrap, server.kafka.group, security=server.security):
        common.note(texts("no worker"))
    if segmentation is None and to is None:
        return
    try:
        model = server.view.model()
    except UserError:
        # Changes are on Kafka, so watching needs no Redis.
        return
    known = table(server.settings.policy(server.lanes).definitions, model, {}, texts)
    if segmentation is not None and segmentation not in known:
        common.note(texts("unknown segmentation", name=segmentation, known=", ".join(known)))
        return
    among = [known[segmentation]] if segmentation is not None else list(known.values())
    ids = [segment["id"] for one in among for segment in one["segments"]]
    if to is not None and to not in ids:
        common.note(texts("unknown segment", name=to, known=", ".join(dict.fromkeys(ids))))


def _wanted(record: Record, segmentation: str | None, to: str | None, customer: str | None) -> bool:
    """Decide by key and headers only, so that most records are not parsed."""
    if customer is not None and record.key != customer.encode():
        return False
    headers = dict(record.headers)
    for name, wanted in (("segmentation", segmentation), ("to", to)):
        if wanted is not None and headers.get(name) != wanted.encode():
            return False
    return True


def line(
    change: Mapping[str, Any], zone: tzinfo = UTC, today: date | None = None, texts: Messages | None = None
) -> str:
    """Format a change as one line.

    >>> line({"changed_at": "2011-11-02T10:15:00Z", "customer_id": "17850", "segmentation": "lifecycle",
    ...       "from": {"id": "at_risk", "name": "At risk"}, "to": {"id": "active", "name": "Active"},
    ...       "reasons": [{"feature": "recency_days", "before": 61.2, "after": 0.0, "border": 45.0}],
    ...       "cause": "event", "automation_safe": True})
    '2011-11-02 10:15:00 17850 lifecycle At risk -> Active because recency_days 61.2 -> 0 (border 45) [event, safe]'
    """
    texts = texts or messages()
    at = datetime.fromisoformat(change["changed_at"]).astimezone(zone)
    form = "%H:%M:%S" if at.date() == today else "%Y-%m-%d %H:%M:%S"
    because = because_words(change["reasons"], texts)
    tags = texts.cause(change["cause"]) + (texts("safe") if change["automation_safe"] else "")
    return one_line(
        f"{at.strftime(form)} {change['customer_id']} {texts.segmentation(change['segmentation'])} "
        f"{_segment(change, 'from', texts)} -> {_segment(change, 'to', texts)}"
        + (texts("because", reasons=because) if because else "")
        + f" [{tags}]"
    )


def _segment(change: Mapping[str, Any], end: str, texts: Messages) -> str:
    segment = change[end]
    return texts("none") if segment is None else texts.named(change["segmentation"], segment["id"], segment["name"])
