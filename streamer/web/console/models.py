"""Serve cluster versions, and the model owner's proposals with approval and rejection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from models.messages import Messages
from schemas.wire_time import epoch_ms
from streamer.adapters.topics import lane_count
from streamer.client.connections import connections
from streamer.config.settings import Settings
from streamer.owner.model_reader import Published
from streamer.queries import models as queries
from streamer.web.console.fresh import Fresh
from streamer.web.console.learned import Learned, shown
from streamer.web.console.overview import segment_path
from streamer.web.console.visits import Visit

FRESH_SECONDS: Final = 5.0
BEHAVIOUR: Final = "behaviour"
_ACTIONS: Final = {"approve": "approve", "reject": "reject"}


def published(settings: Settings) -> Published:
    """Return versions and proposals; empty while there are no topics. Raises UserError, TransientError."""
    with connections(settings) as to:
        if lane_count(to.bootstrap, to.kafka.prefix, security=to.security) is None:
            return Published()
        return queries.read_published(to)


@dataclass(frozen=True)
class Models:
    """Handlers of ``/models``."""

    settings: Settings
    look: Fresh[Published]
    learned: Fresh[Learned]

    async def show(self, visit: Visit) -> Response:
        """Return the page."""
        seen, texts = await self.look(), visit.texts
        learned = (await self.learned()).value
        found = seen.value
        listed = queries.overview(found)
        newest = found.newest
        waiting = None if found.waiting is None else f"p{found.waiting.proposal.number}"
        return visit.html(
            "models.html",
            at=visit.clock(seen.at),
            version=None if newest is None else self._detail(found, str(newest.version), visit),
            waiting=None if waiting is None else self._detail(found, waiting, visit),
            versions=[self._line(one, visit) for one in listed["versions"][::-1]],
            proposals=[
                {**one, "state": texts(f"status {one['status']}"), "because": texts(f"why {one['why']}")}
                for one in listed["proposals"][::-1]
                if one["status"] != "waiting"
            ],
            foresight=shown(learned, visit.words),
            words=visit.words,
            note=visit.note(*_ACTIONS, "later_model"),
        )

    async def decide(self, visit: Visit, values: Mapping[str, str]) -> Response:
        """Approve or reject a proposal."""
        id, action = values.get("proposal", ""), values.get("action", "")
        if action not in ("approve", "reject"):
            return visit.gone("console gone order")
        acted = await asyncio.to_thread(self._decide, id, action, visit.texts)
        self.look.forget()
        return visit.back("/models", action if acted else "later_model")

    def _decide(self, id: str, action: Any, texts: Messages) -> bool:
        with connections(self.settings) as to:
            return queries.decide(to, id, action, texts)[1]

    def _detail(self, found: Published, id: str, visit: Visit) -> dict[str, Any]:
        """Return a version or a proposal in full, ready to show."""
        texts = visit.texts
        shown = queries.detail(found, id, texts)
        names = shown["names"]

        def named(ids: list[str]) -> str:
            return ", ".join(names.get(one, one) for one in ids)

        return {
            **shown,
            "published": visit.moment(epoch_ms(shown["published_at"])),
            "because": texts(f"why {shown['why']}") if "why" in shown else "",
            "segments": [
                {
                    **one,
                    "href": segment_path(BEHAVIOUR, one["id"]),
                    "percent": visit.words.fine(one["share"]),
                    "before": visit.words.fine(one["share_before"]),
                }
                for one in shown["segments"]
            ],
            "fates": [
                texts(f"fate {one['kind']}", before=named(one["from"]), after=named(one["to"]), overlap=one["overlap"])
                for one in shown["transitions"]
                if one["kind"] != "survive"
            ],
            "flows": [
                (names.get(one["from"], one["from"]), names.get(one["to"], one["to"]), one["customers"])
                for one in shown.get("flows", ())
            ],
        }

    def _line(self, one: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
        kinds = [visit.texts(f"transition {kind}") for kind in _changed(one["transitions"])]
        return {
            **one,
            "published": visit.moment(epoch_ms(one["published_at"])),
            "changed": ", ".join(kinds) or visit.texts("same segments"),
        }


def _changed(transitions: list[dict[str, Any]]) -> list[str]:
    """Return the distinct kinds of transition except survival.

    >>> _changed([{"kind": "survive"}, {"kind": "split"}, {"kind": "split"}])
    ['split']
    """
    return list(dict.fromkeys(one["kind"] for one in transitions if one["kind"] != "survive"))
