"""How the service is: what `doctor`, `lanes` and `status` say, with what to do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from models.messages import Messages
from models.messages.translatable import in_language
from schemas.errors import TransientError, UserError
from streamer.client.connections import connections
from streamer.config.settings import Settings
from streamer.queries.examination import examine
from streamer.queries.findings import Finding, in_words, refused_fix
from streamer.queries.lanes import LaneStatus, lanes
from streamer.queries.packages import versions
from streamer.queries.service import service
from streamer.web.console.fresh import Fresh
from streamer.web.console.visits import Visit

FRESH_SECONDS: Final = 5.0
"""A look at everything asks Kafka some fifteen times; visitors share one."""


PATIENCE_SECONDS: Final = 0.6
_SERVERS: Final = ("servers", "Kafka", "Redis")


@dataclass(frozen=True)
class Checkup:
    """One look at everything.

    Attributes
    ----------
    state, lanes
        As `status` and `lanes` say; empty where a server does not answer, which the findings tell.
    """

    findings: list[Finding]
    state: dict[str, Any] = field(default_factory=dict)
    lanes: list[LaneStatus] = field(default_factory=list)


def checkup(settings: Settings) -> Checkup:
    """Look at everything once. Most of the time goes into waiting for Kafka, so both halves of it wait at once."""
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(_standing, settings)
        found = list(examine(settings))
        state, held = waiting.result()
    if any(one.subject in _SERVERS and one.wrong and one.hint is not None for one in found):
        return Checkup(found)
    return Checkup(found, state, held)


def _standing(settings: Settings) -> tuple[dict[str, Any], list[LaneStatus]]:
    """What `status` and `lanes` say; nothing where a server is away, which the findings tell."""
    try:
        with connections(settings) as to:
            state = service(to)
            return state, lanes(to) if state["topics"] else []
    except (UserError, TransientError):
        return {}, []


@dataclass(frozen=True)
class Health:
    """The handler of ``/health``."""

    look: Fresh[Checkup]

    async def show(self, visit: Visit) -> Response:
        """The page; it needs neither Redis nor Kafka to say that one of them is away.

        A look at everything takes seconds where a server is slow or away: then the page shows what was known before, and
        asks again on its own.
        """
        (seen, fresh), texts = await self.look.soon(PATIENCE_SECONDS), visit.texts
        if seen is None:
            return visit.html("looking.html")
        found = seen.value
        pairs = [(one, _shown(one, texts)) for one in found.findings]
        state = found.state if found.state.get("topics") else None
        return visit.html(
            "health.html",
            at=visit.clock(seen.at),
            fresh=fresh,
            wrong=[shown for one, shown in pairs if one.hint is not None and one.wrong],
            notes=[shown for one, shown in pairs if _is_note(one)],
            well=[shown for one, shown in pairs if one.hint is None],
            state=state,
            lanes=[_lane(one, visit) for one in found.lanes],
            refused=_refused(state, texts) if state else [],
            versions=versions(),
        )


def _shown(finding: Finding, texts: Messages) -> dict[str, str]:
    return dict(zip(("subject", "text", "hint"), in_words(finding, texts), strict=True))


def _is_note(one: Finding) -> bool:
    # What was refused has a table of its own.
    return one.hint is not None and not one.wrong and one.subject != "dead letters"


def _lane(one: LaneStatus, visit: Visit) -> dict[str, Any]:
    return {
        "lane": one.lane,
        "offset": one.offset,
        "lag": one.lag,
        "hidden": one.hidden,
        "owner": one.owner or visit.texts("lanes nobody"),
        "clock": visit.moment(one.clock) if one.clock else "–",
        "ahead": one.ahead,
        "why": one.why,
        "hint": one.hint,
    }


def _refused(state: dict[str, Any], texts: Messages) -> list[dict[str, Any]]:
    """Dead letters by reason, most first, with what to do."""
    counts: dict[str, int] = state["dead_letters"]
    return [
        {"reason": reason, "count": count, **reason_words(reason, texts)}
        for reason, count in sorted(counts.items(), key=lambda one: -one[1])
    ]


def reason_words(reason: str, texts: Messages) -> dict[str, str]:
    """What a reason of dead letters means, and what to do; the reason itself where another release knows it."""
    known = f"dead {reason}"
    return {
        "means": texts(known) if known in texts.table.texts else reason,
        "fix": str(in_language(refused_fix(reason), texts)),
    }
