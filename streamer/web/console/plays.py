"""Serve plays: their settings, funnel and effect, and commands to pause, start, release and drop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from models.messages import Messages
from schemas.act import PlayCommand
from schemas.wire_time import epoch_ms
from streamer import charts
from streamer.act.heart.state import Message, PlayState, State
from streamer.act.plays.book import Play
from streamer.act.reader import give
from streamer.charts import Bar, Span
from streamer.client.connections import connections
from streamer.config.settings import Settings
from streamer.queries import plays as queries
from streamer.web.console.fresh import Fresh
from streamer.web.console.overview import customer_path
from streamer.web.console.visits import Visit
from streamer.web.console.words import GREY

FRESH_SECONDS: Final = 2.0
KINDS: Final = ("waiting", "doubtful", "failed")
_MESSAGES: Final = 20
"""Maximum number of messages per status on the page; the command line lists the others."""
_COLOURS: Final = {"sent": 2, "withheld": 4, "waiting": 1, "failed": 3, "doubtful": 6}
_DONE: Final = ("pause", "start", "release", "drop", "later")
_GAVE, _HELD = 2, 4


@dataclass(frozen=True)
class Plays:
    """Handlers under ``/plays``."""

    settings: Settings
    state: Fresh[State]

    async def list(self, visit: Visit) -> Response:
        """List every play that was ever started."""
        state = (await self.state()).value
        rows = [
            {
                "name": name,
                "href": play_path(name),
                "status": play.status,
                "state": visit.texts(f"console play {play.status}"),
                "how": _how(declared_in(name, play, state), visit.texts),
                **queries.standing(name, play, state),
            }
            for name, play in state.ledger.plays.items()
        ]
        return visit.html("plays.html", plays=rows)

    async def one(self, visit: Visit) -> Response:
        """Show one play."""
        seen, texts = await self.state(), visit.texts
        state, name = seen.value, visit.request.path_params["name"]
        play = state.ledger.plays.get(name)
        if play is None:
            return visit.gone("console gone play")
        declared, found = declared_in(name, play, state), queries.standing(name, play, state)
        report = queries.report(name, play, state, time.time_ns() // 1_000_000)
        return visit.html(
            "play.html",
            name=name,
            at=visit.clock(seen.at),
            standing=play.status,
            state=texts(f"console play {play.status}"),
            why=found["why"],
            since=visit.moment(play.since),
            how=_how(declared, texts),
            condition=None if declared is None or declared.condition is None else declared.condition.text,
            # The shop's own report goes to the owner: there is nobody whose orders it could raise.
            measured=declared is None or declared.when.weekly is None,
            planned=found["planned"],
            funnel=_funnel(found, texts),
            report=report,
            verdict=texts(f"console play says {'off' if report['arms_are_off'] else report['says']}"),
            arms=_arms(report, texts),
            uplift=_uplift(report, texts),
            money=_money(report, self.settings.currency, texts),
            kept=[(kind, *_kept(kind, name, state, visit)) for kind in KINDS],
            approve=play.approve,
            note=visit.note(*_DONE),
        )

    async def order(self, visit: Visit, values: Mapping[str, str]) -> Response:
        """Carry out the command of a play's form."""
        name, action = visit.request.path_params["name"], values.get("action", "")
        state = (await self.state()).value
        if name not in state.ledger.plays:
            return visit.gone("console gone play")
        order = _ordered(name, action, values.get("status", ""))
        if order is None and action != "start":
            return visit.gone("console gone order")
        done = await asyncio.to_thread(self._give, name, order, state)
        self.state.forget()
        return visit.back(play_path(name), action if done else "later")

    def _give(self, name: str, order: PlayCommand | None, state: State) -> bool:
        """Send a command, by default to start again. Return False if no `act` process has carried it out yet."""
        with connections(self.settings) as to:
            if order is None:
                order = queries.again(name, state, queries.with_shipped(queries.segments_in_force(to)))
            return give(to.kafka, order, self.settings.control_keys)


def _ordered(name: str, action: str, status: str) -> PlayCommand | None:
    """Return the command of a form; None if it needs the file or is unknown."""
    match action, status:
        case "pause", _:
            return PlayCommand(action="pause", play=name)
        case ("release" | "drop") as what, ("waiting" | "doubtful" | "failed") as kind:
            return _of_messages(name, what, kind)
    return None


def _of_messages(
    name: str, action: Literal["release", "drop"], status: Literal["waiting", "doubtful", "failed"]
) -> PlayCommand:
    return PlayCommand(action=action, play=name, status=status)


def declared_in(name: str, play: PlayState, state: State) -> Play | None:
    """Return the play as declared in the file it runs with."""
    book = state.books.get(play.version)
    return None if book is None else book.plays.get(name)


def play_path(name: str) -> str:
    """Return the URL of a play's page."""
    return f"/plays/{quote(name, safe='')}"


def _how(declared: Play | None, texts: Messages) -> str:
    """Return the kind of message, the channel, and the size of the holdout in one line."""
    if declared is None:
        return ""
    kind = texts(f"console play kind {declared.kind}")
    held = texts("console play held out", share=_percent(declared.holdout, 0)) if declared.holdout else ""
    return texts("console play how", kind=kind, channel=declared.channel, held=held)


def _funnel(found: Mapping[str, Any], texts: Messages) -> Markup | None:
    """Chart the outcomes of the planned messages."""
    rows = [(texts(f"console fate {fate}"), found[fate], colour) for fate, colour in _COLOURS.items() if found[fate]]
    rows += [
        (texts("console fate dropped", gate=_gate(gate, texts)), count, GREY)
        for gate, count in sorted(found["dropped"].items(), key=lambda one: -one[1])
    ]
    if not rows:
        return None
    title = texts("console play funnel", planned=found["planned"])
    head = (texts("console play fate"), texts("console play messages"))
    bars = [Bar(name, count, f"{count:,}", colour) for name, count, colour in rows]
    return _drawn(charts.bars(title, bars, head=head), texts)


def _gate(gate: str, texts: Messages) -> str:
    known = f"gate {gate}"
    return texts(known) if known in texts.table.texts else gate


def _arms(report: Mapping[str, Any], texts: Messages) -> list[dict[str, Any]]:
    return [
        {
            "name": texts(f"console play arm {arm}"),
            "n": report[arm]["n"],
            "bought": report[arm]["bought"],
            "share": _percent(report[arm]["bought"] / report[arm]["n"]) if report[arm]["n"] else "–",
        }
        for arm in ("sent", "held_out")
    ]


def _uplift(report: Mapping[str, Any], texts: Messages) -> Markup | None:
    """Chart the difference between the arms, with its interval."""
    found = report["uplift"]
    if found is None:
        return None
    bounds = texts("console play bounds", low=_difference(found["low"]), high=_difference(found["high"]))
    span = Span(_difference(found["estimate"]), found["low"], found["estimate"], found["high"], bounds, _GAVE)
    title = texts("console play uplift final" if report["final"] else "console play uplift daily")
    head = (texts("console play estimate"), texts("console play interval"))
    return _drawn(charts.intervals(title, [span], shown=_points, head=head), texts)


def _points(share: float) -> str:
    """Format a difference of shares in percentage points.

    >>> _points(0.05), _points(-0.1), _points(0.0)
    ('+5\\xa0%', '−10\\xa0%', '0\\xa0%')
    """
    return _difference(share, 0) if share else _percent(share, 0)


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}\xa0%"


def _difference(share: float, digits: int = 1) -> str:
    return f"{share * 100:+.{digits}f}\xa0%".replace("-", "−")


def _money(report: Mapping[str, Any], currency: str, texts: Messages) -> str:
    found = report["money"]
    if found is None:
        return texts("console play no money")
    values = {name: f"{found[name]:+,.2f} {currency}" for name in ("estimate", "low", "high")}
    return texts("console play money", **values)


def _kept(kind: str, name: str, state: State, visit: Visit) -> tuple[int, list[dict[str, Any]], int]:
    """Return messages with a status: their number, the first of them, and how many a person may release or drop."""
    found = sorted(queries.kept(state, kind, name, None), key=lambda one: one.due)
    mine = sum(kind != "waiting" or one.why == "approve" for one in found)
    return len(found), [_message(one, visit) for one in found[:_MESSAGES]], mine


def _message(one: Message, visit: Visit) -> dict[str, Any]:
    shown = queries.shown(one)
    id = shown["customer_id"]
    return {
        "id": one.id,
        "customer": id or visit.texts("console play owner"),
        "href": None if id is None else customer_path(id),
        "due": visit.moment(epoch_ms(shown["due_at"])),
        "why": visit.texts("console play your yes") if one.why == "approve" else one.why,
    }


def _drawn(chart: charts.Chart, texts: Messages) -> Markup:
    return Markup(chart.html(texts("as a table")))
