"""Serve incoming data: rejected records with examples, and imports."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from starlette.responses import Response

from schemas.topics import EVENTS
from streamer.adapters.admin import group_lag
from streamer.adapters.import_view import ImportRecord, ImportView
from streamer.adapters.redis_reader import connect
from streamer.adapters.topics import lane_count
from streamer.client.connections import Connections, connections
from streamer.config.settings import Settings
from streamer.imports.demos import only_demos
from streamer.queries.deadletters import Found, examples, letters, printable
from streamer.web.console.fresh import Fresh
from streamer.web.console.health import reason_words
from streamer.web.console.uploading import PATH as UPLOADS
from streamer.web.console.uploads import FOLDER, MOST_BYTES, Uploads
from streamer.web.console.visits import Visit

FRESH_SECONDS: Final = 5.0
_LATEST: Final = 2_000
"""Number of offsets per dead-letter partition from which examples are taken."""
_EXAMPLES: Final = 3
_EXCERPT: Final = 600
"""Maximum characters of a record on the page."""
IMPORTS: Final = 20


@dataclass(frozen=True)
class Progress:
    """Progress of an import: records that lanes have processed, and records written. Both are 0 once it is over."""

    record: ImportRecord
    done: int = 0
    of: int = 0


@dataclass(frozen=True)
class Inflow:
    """Data for the page.

    Attributes
    ----------
    refused
        Dead letters by reason, from the ledgers.
    examples
        Newest retained dead letter of each reason.
    imports
        Imports, newest first.
    """

    refused: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, list[Found]] = field(default_factory=dict)
    imports: list[Progress] = field(default_factory=list)


def inflow(settings: Settings, refused: Mapping[str, int]) -> Inflow:
    """Read the data once. Raises UserError, TransientError if a server is unavailable."""
    with connections(settings) as to:
        if lane_count(to.bootstrap, to.kafka.prefix, security=to.security) is None:
            return Inflow()
        found = examples(letters(to.kafka, _LATEST), _EXAMPLES) if refused else {}
        return Inflow(refused, found, _imports(to))


def holds_demo(settings: Settings) -> bool:
    """Return whether all imports are the demo's. Raises UserError, TransientError if a server is unavailable."""
    with connections(settings) as to, closing(connect(to.redis_url, to.redis_options)) as client:
        return only_demos(ImportView(client, to.redis_prefix, to.lanes).imports())


def _imports(to: Connections) -> list[Progress]:
    with closing(connect(to.redis_url, to.redis_options)) as client:
        known = ImportView(client, to.redis_prefix, to.lanes).imports()[::-1][:IMPORTS]
    if all(one.finished for one in known):
        return [Progress(one) for one in known]
    lag = group_lag(to.bootstrap, to.kafka.group, [to.kafka.topic(EVENTS)], security=to.security)
    ends = {part.partition: part.end for part in lag}
    stand = {one.partition: one.next_offset for one in to.view.ledgers()}
    return [
        Progress(
            one,
            sum(max(0, stand.get(lane, first) - first) for lane, first in one.starts.items()),
            sum(max(0, ends.get(lane, first) - first) for lane, first in one.starts.items()),
        )
        if not one.finished
        else Progress(one)
        for one in known
    ]


@dataclass(frozen=True)
class Data:
    """The handler of ``/data``."""

    look: Fresh[Inflow]
    uploads: Uploads

    async def show(self, visit: Visit) -> Response:
        """Return the page."""
        seen = await self.look()
        found, texts = seen.value, visit.texts
        refused = [
            {
                "reason": reason,
                "count": count,
                **reason_words(reason, texts),
                "examples": [_example(one, visit) for one in found.examples.get(reason, ())],
            }
            for reason, count in sorted(found.refused.items(), key=lambda one: -one[1])
        ]
        return visit.html(
            "data.html",
            at=visit.clock(seen.at),
            refused=refused,
            imports=[_import(one, visit) for one in found.imports],
            total=sum(found.refused.values()),
            uploads=[(one.id, one.name, texts(f"console upload stage {one.stage}")) for one in self.uploads.all()],
            to=UPLOADS,
            most=MOST_BYTES >> 30,
            note=visit.note("deleted"),
        )


def _example(one: Found, visit: Visit) -> dict[str, Any]:
    value = printable(one.record.value)
    return {
        "place": one.place,
        "when": visit.clock(one.letter.timestamp),
        "message": one.letter.message,
        "key": printable(one.record.key)[:128],
        "value": value if len(value) <= _EXCERPT else f"{value[:_EXCERPT]}…",
        "lane": one.letter.partition,
        "offset": one.letter.offset,
    }


def _file_name(name: str) -> str:
    """Return the displayed file name of an import; for uploads without our own folder.

    >>> _file_name("/home/x/uploads/0a1b/file/orders.csv"), _file_name("data/orders.csv")
    ('orders.csv', 'data/orders.csv')
    """
    parts = PurePath(name).parts
    return parts[-1] if len(parts) > 3 and parts[-4] == FOLDER else name


def _import(one: Progress, visit: Visit) -> dict[str, Any]:
    record = one.record
    return {
        "name": _file_name(record.name),
        "begun": visit.moment(record.begun_ms),
        "finished": record.finished,
        "done": one.done,
        "of": one.of,
    }
