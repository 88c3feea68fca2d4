"""The routes of the console, and what it runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import Route

from streamer.adapters.redis_reader import ViewReader
from streamer.config.settings import Settings
from streamer.web.api import segments as api_segments
from streamer.web.api.book import Book
from streamer.web.api.changes import Changes, vector_text
from streamer.web.api.site import Readers
from streamer.web.api.view import View
from streamer.web.console.assets import Assets
from streamer.web.console.counting import Counting
from streamer.web.console.customers import Customers
from streamer.web.console.live import Live
from streamer.web.console.overview import Overview
from streamer.web.console.segments import Segments
from streamer.web.console.sessions import Sessions
from streamer.web.console.visits import Site, Visit, templates


@dataclass(frozen=True)
class Console:
    """All pages."""

    site: Site
    counting: Counting
    overview: Overview
    segments: Segments
    customers: Customers
    live: Live
    downloads: api_segments.Segments

    def routes(self) -> list[Route]:
        """Every page with its address."""
        page = self.site.page
        return [
            Route("/enter", self.site.enter),
            Route("/static/{name:path}", self.site.assets.serve),
            Route("/", page(self.overview.show)),
            Route("/live", page(self.live.stream)),
            Route("/segments", page(self.segments.list)),
            Route("/segments/{segmentation}/{segment}", page(self.segments.one)),
            Route("/segments/{segmentation}/{segment}/members.csv", page(self._members)),
            Route("/ahead", page(self.segments.ahead)),
            Route("/customers", page(self.customers.search)),
            Route("/find", page(self.customers.go)),
            Route("/customers/{id:path}", page(self.customers.one)),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Counts customers while the block lasts."""
        task = asyncio.ensure_future(self.counting.follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _members(self, visit: Visit) -> Response:
        return await self.downloads.members_csv(visit.request)


def console(
    settings: Settings,
    book: Book,
    view: View,
    readers: Readers,
    changes: Changes,
    blocking_view: Callable[[], ViewReader],
) -> Console:
    """The console on what the lookup API runs on."""
    counting = Counting(blocking_view, book)
    site = Site(settings, ZoneInfo(settings.timezone), book, Sessions(settings.home), Assets(), templates())
    return Console(
        site,
        counting,
        Overview(readers, counting, lambda: vector_text(changes.end())),
        Segments(view, readers, counting),
        Customers(readers),
        Live(changes),
        api_segments.Segments(view, book, readers),
    )
