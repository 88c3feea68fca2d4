"""Show the state of the service: the results of `doctor`, `lanes` and `status`, with hints."""

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
"""Seconds for which visitors share a full checkup, which sends Kafka some fifteen requests."""


PATIENCE_SECONDS: Final = 0.6
_SERVERS: Final = ("servers", "Kafka", "Redis")


@dataclass(frozen=True)
class Checkup:
    """One full checkup.

    Attributes
    ----------
    state, lanes
        Results of `status` and `lanes`; empty if a server does not answer, which the findings report.
    """

    findings: list[Finding]
    state: dict[str, Any] = field(default_factory=dict)
    lanes: list[LaneStatus] = field(default_factory=list)


def checkup(settings: Settings) -> Checkup:
    """Run a full checkup. Most of the time is spent waiting for Kafka, so both halves run concurrently."""
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(_standing, settings)
        found = list(examine(settings))
        state, held = waiting.result()
    if any(one.subject in _SERVERS and one.wrong and one.hint is not None for one in found):
        return Checkup(found)
    return Checkup(found, state, held)


def _standing(settings: Settings) -> tuple[dict[str, Any], list[LaneStatus]]:
    """Return the results of `status` and `lanes`; empty if a server is unavailable, which the findings report."""
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
        """Return the page. It needs neither Redis nor Kafka to report that one of them is unavailable.

        A checkup takes seconds if a server is slow or unavailable. The page then shows the previous result and
        refreshes itself.
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
    # Rejected records have their own table.
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
    """Return dead letters by reason, most frequent first, with hints."""
    counts: dict[str, int] = state["dead_letters"]
    return [
        {"reason": reason, "count": count, **reason_words(reason, texts)}
        for reason, count in sorted(counts.items(), key=lambda one: -one[1])
    ]


def reason_words(reason: str, texts: Messages) -> dict[str, str]:
    """Return the meaning of a dead-letter reason and a hint, or the reason itself if this release does not know it."""
    known = f"dead {reason}"
    return {
        "means": texts(known) if known in texts.table.texts else reason,
        "fix": str(in_language(refused_fix(reason), texts)),
    }
