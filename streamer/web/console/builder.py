"""Serve the builder: edit a segmentation on a page, preview its members, and activate it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from models.messages.translatable import translatable
from models.rules.draft import Draft, edited, empty
from models.rules.draft_checks import FILE, Fault
from models.rules.draft_reading import draft_of
from models.rules.draft_writing import Checked, checked
from schemas.toml_text import tables
from streamer.client.activation import publish
from streamer.client.connections import connections
from streamer.config.settings import Settings
from streamer.queries import previews
from streamer.queries.members import name_of
from streamer.replay.preview import Preview
from streamer.web.api.view import View
from streamer.web.console.builder_form import choices, draft_from, shown
from streamer.web.console.overview import customer_path
from streamer.web.console.visits import Visit

PATH: Final = "/segments/edit"
_SOURCE: Final = "segments.toml"
_REMEMBERED: Final = 100
_MOVES: Final = 8
"""Number of kinds of moves to show."""


@dataclass(frozen=True)
class Builder:
    """Handlers of ``/segments/edit``.

    Attributes
    ----------
    previewed
        Digests of the files previewed here, which are the only ones that can be activated.
    """

    settings: Settings
    view: View
    previewed: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    async def show(self, visit: Visit) -> Response:
        """Show the builder: ``?of=NAME`` edits a segmentation of the file in force; ``?new=rules|bands`` adds one."""
        asks, page = visit.request.query_params, visit.words.page
        if (kind := asks.get("new")) in ("rules", "bands"):
            return self._page(visit, empty(kind), None, Checked(None, []))
        draft = draft_of(page.text, asks.get("of", ""))
        if draft is None:
            return visit.gone("console gone segmentation")
        return self._page(visit, draft, draft.name, Checked(page.text, []))

    async def change(self, visit: Visit, values: Mapping[str, str]) -> Response:
        """Carry out the command of a builder form: an edit, a preview, a download, or an activation."""
        order, before = values.get("do", ""), values.get("before") or None
        if order == "file":
            return _file(values.get("text", ""))
        draft = edited(draft_from(values), order)
        found = await asyncio.to_thread(self._checked, visit, draft, before, values.get("base", ""))
        if order not in ("preview", "activate") or found.faults or found.text is None:
            return self._page(visit, draft, before, found)
        if order == "activate" and _mark(found.text) in self.previewed and values.get("sure") == "yes":
            await asyncio.to_thread(self._activate, visit, found.text)
            return visit.back("/segments", "activated")
        seen = await self._preview(visit, draft, found.text)
        return self._page(visit, draft, before, found, seen=seen, unsure=order == "activate")

    def _checked(self, visit: Visit, draft: Draft, before: str | None, base: str) -> Checked:
        page = visit.words.page
        if base != str(page.policy.definitions.version):
            stale = translatable("draft stale", version=page.policy.definitions.version)
            return Checked(None, [Fault(FILE, stale)])
        return checked(page.text, draft, before, _SOURCE)

    async def _preview(self, visit: Visit, draft: Draft, text: str) -> dict[str, Any]:
        """Return the members of each segment, by the same code as an activation."""
        page = visit.words.page
        look = partial(previews.preview, policy=page.policy, text=text, now_ms=time.time_ns() // 1_000_000)
        found: Preview = await visit.site.book.query(look)
        self.previewed.append(_mark(text))
        names = await self._names(found, draft.name)
        return {
            "mark": _mark(text),
            "same": text == page.text,
            **_seen(found, draft.name, _called(text, draft.name), names, visit),
        }

    async def _names(self, found: Preview, name: str) -> dict[str, str | None]:
        moves = found.segmentations.get(name)
        ids = [] if moves is None else [id for people in moves.people.values() for id in people]
        known = await self.view.customers(ids)
        return {id: None if one is None else name_of(one.customer) for id, one in zip(ids, known, strict=True)}

    def _activate(self, visit: Visit, text: str) -> None:
        """Publish as the next version, with the command line's checks. Never overwrites another user's version."""
        with connections(self.settings) as to:
            asyncio.run(
                publish(
                    to.kafka,
                    to.lanes,
                    text,
                    _SOURCE,
                    time.time_ns() // 1_000_000,
                    keys=self.settings.control_keys,
                    language=self.settings.language,
                    after=visit.words.page.policy.definitions.version,
                )
            )

    def _page(
        self,
        visit: Visit,
        draft: Draft,
        before: str | None,
        found: Checked,
        *,
        seen: Mapping[str, Any] | None = None,
        unsure: bool = False,
    ) -> Response:
        page = visit.words.page
        return visit.html(
            "builder.html",
            before=before,
            title=visit.texts.segmentation(before) if before else visit.texts("console builder new"),
            base=page.policy.definitions.version,
            text=found.text,
            seen=seen,
            unsure=unsure,
            **shown(draft, found.faults, visit.texts),
            **choices(page.text, before or "", draft.feature, self.settings.currency, visit.texts),
        )


def _file(text: str) -> Response:
    """Return the text as a file with normalised line endings, because browsers send CR LF."""
    headers = {"content-disposition": f'attachment; filename="{_SOURCE}"', "cache-control": "no-store"}
    return Response(text.replace("\r\n", "\n"), media_type="application/toml", headers=headers)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _called(text: str, name: str) -> dict[str, str]:
    """Return the segments of a file's segmentation, with their names."""
    found: Mapping[str, Any] = tables(text, _SOURCE, "")[name]["segments"]
    return {id: held.get("name", id.replace("_", " ").capitalize()) for id, held in found.items()}


def _seen(
    found: Preview, by: str, called: Mapping[str, str], names: Mapping[str, str | None], visit: Visit
) -> dict[str, Any]:
    """Return a preview for the page: segments with sample members, moves, and other segmentations that change too."""
    texts, words = visit.texts, visit.words
    moves = found.segmentations.get(by)
    sizes = {} if moves is None else moves.sizes()

    def name(id: str | None) -> str:
        if id is None:
            return texts("console nowhere")
        return texts.segment(by, id, called[id]) if id in called else words.name(by, id)

    segments = []
    for id in dict.fromkeys([*called, *sizes]):
        now, then, _ = sizes.get(id, (0, 0, 0))
        people = [] if moves is None else moves.people.get(id, [])
        segments.append(
            {
                "name": name(id),
                "colour": words.colour(id),
                "now": words.number(now),
                "then": words.number(then),
                "people": [(one, names.get(one), customer_path(one)) for one in people],
            }
        )
    pairs = [] if moves is None else [(pair, n) for pair, n in moves.pairs.most_common() if pair[0] != pair[1]]
    return {
        "customers": found.customers,
        "version": found.version,
        "moved": 0 if moves is None else moves.moved,
        "segments": segments,
        "moves": [(name(a), name(b), words.number(n)) for (a, b), n in pairs[:_MOVES]],
        "others": [
            (texts.segmentation(other), words.number(held.moved))
            for other, held in found.segmentations.items()
            if other != by and held.moved
        ],
    }
