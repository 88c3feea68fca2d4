"""Stream moves as they are committed, as lines of the overview: server-sent events in the reader's language."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from schemas.errors import TransientError
from schemas.wire_time import epoch_ms
from streamer.web.api.changes import MOST_READERS, Changes, Impatient, vector_of, vector_text
from streamer.web.console.visits import Visit


class _Ref(msgspec.Struct, gc=False):
    id: str
    name: str


class _Change(msgspec.Struct, gc=False, rename={"before": "from", "after": "to"}):
    customer_id: str
    segmentation: str
    before: _Ref | None
    after: _Ref | None
    cause: str
    changed_at: str
    reasons: list[dict[str, Any]] = []


_read = msgspec.json.Decoder(_Change).decode
_KEPT_OUT = ("erase", "consent")


@dataclass(frozen=True)
class Live:
    """The handler of ``/live``."""

    changes: Changes

    async def stream(self, visit: Visit) -> Response:
        """Stream moves after the position named by the page or by a reconnecting browser."""
        if not self.changes.ready.is_set() or self.changes.readers >= MOST_READERS:
            raise TransientError("too many readers are connected, or Kafka does not answer")
        last = visit.request.headers.get("last-event-id") or visit.request.query_params.get("after")
        vector = self.changes.end() if not last else vector_of(last)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return Impatient(self._lines(visit, vector), media_type="text/event-stream", headers=headers)

    async def _lines(self, visit: Visit, vector: dict[int, int]) -> AsyncIterator[bytes]:
        self.changes.readers += 1
        template = visit.site.templates.get_template("move.html")
        try:
            yield f"retry: 1000\nid: {vector_text(vector)}\n\n".encode()
            async for at, value in self.changes.after(vector):
                if value is None:
                    yield b": nothing for 15 s\n\n"
                    continue
                change = _read(value)
                if change.cause in _KEPT_OUT:
                    continue
                move = visit.words.move(_as_kept(change), time.time_ns() // 1_000_000)
                html = template.render(t=visit.texts, move=move).replace("\n", " ").replace("\r", " ")
                yield f"id: {vector_text(at)}\nevent: move\ndata: {html}\n\n".encode()
        finally:
            self.changes.readers -= 1


def _as_kept(change: _Change) -> dict[str, Any]:
    """Return a change in the read model's format."""
    return {
        "customer_id": change.customer_id,
        "segmentation": change.segmentation,
        "from": None if change.before is None else {"id": change.before.id},
        "to": None if change.after is None else {"id": change.after.id},
        "cause": change.cause,
        "at": epoch_ms(change.changed_at),
        "reasons": change.reasons,
    }
