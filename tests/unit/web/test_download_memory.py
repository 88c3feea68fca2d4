"""Test that a download of all members needs no more memory for more members; `CSV_MEMBERS=200000` for a large segment."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from models.customer.customer import Customer, Membership
from schemas import topics
from schemas.changes import Membership as Held
from schemas.changes import encode_memberships
from schemas.records import Record
from streamer.config.settings import Settings
from streamer.web.api.segments import Segments
from streamer.web.api.view import Looked
from streamer.web.readmodel.reading import Reader
from streamer.web.readmodel.store import Writer

MEMBERS = int(os.environ.get("CSV_MEMBERS", "4000"))
MOST_BYTES = 64 << 20
AT = 1_700_000_000_000


class View:
    """Redis with a customer for any id."""

    async def customers(self, ids: Sequence[str], *, orders: bool = False) -> list[Looked | None]:
        return [Looked(0, _customer(id), b"") for id in ids]


def _customer(id: str) -> Customer:
    found = Customer(id, (0, 0), AT)
    found.segments = {"lifecycle": Membership("new", AT)}
    return found


def _memberships() -> Iterator[Record]:
    held = {"lifecycle": Held("new", "New", AT, 1)}
    for number in range(MEMBERS):
        id = f"c{number:06}"
        yield Record(0, number, AT, id.encode(), encode_memberships(id, 1, AT, held))


def test_a_download_is_whole_and_its_memory_is_bounded(tmp_path: Path) -> None:
    path, policy = tmp_path / "web.sqlite", Settings.load({}, environ={}).policy(1)
    with closing(Writer(path, "here", policy.grid.day_of)) as writer:
        writer.apply([((topics.MEMBERSHIPS, 0), list(_memberships()), MEMBERS)])
    page = SimpleNamespace(policy=policy, shop=policy.shop, forecasts={}, ledgers={}, models={}, model=None)
    book: Any = SimpleNamespace(page=page)
    view: Any = View()

    async def download(reader: Reader) -> tuple[int, int]:
        lines = bytes = 0
        async for chunk in Segments(view, book, lambda: reader)._rows("lifecycle", "new"):
            lines, bytes = lines + chunk.count(b"\n"), bytes + len(chunk)
        return lines, bytes

    with closing(Reader(path)) as reader:
        tracemalloc.start()
        try:
            lines, bytes = asyncio.run(download(reader))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert lines == MEMBERS + 1 and bytes > MEMBERS * 8
    # SQLite's own pages are bounded by its cache and not visible here.
    assert peak < min(MOST_BYTES, MEMBERS * 2_000), f"{peak / 2**20:.1f} MiB"
