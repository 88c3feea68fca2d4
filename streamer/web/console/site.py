"""Build the console's routes and its background work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import Route

from streamer.act.reader import state_of
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.redis_reader import ViewReader
from streamer.config.settings import Settings
from streamer.web.api import segments as api_segments
from streamer.web.api.addresses import Addressed
from streamer.web.api.book import Book
from streamer.web.api.changes import Changes, vector_text
from streamer.web.api.site import Readers
from streamer.web.api.view import View
from streamer.web.console import data as data_page
from streamer.web.console import learned
from streamer.web.console import models as models_page
from streamer.web.console import plays as plays_page
from streamer.web.console.assets import Assets
from streamer.web.console.builder import PATH as BUILDER
from streamer.web.console.builder import Builder
from streamer.web.console.builder_form import MOST_BYTES, MOST_FIELDS
from streamer.web.console.counting import Counting
from streamer.web.console.customers import Customers
from streamer.web.console.fresh import Fresh
from streamer.web.console.health import FRESH_SECONDS, Health, checkup
from streamer.web.console.live import Live
from streamer.web.console.overview import Overview
from streamer.web.console.rendering import templates
from streamer.web.console.segments import Segments
from streamer.web.console.sessions import Sessions
from streamer.web.console.uploading import PATH as UPLOADS
from streamer.web.console.uploading import Uploading
from streamer.web.console.uploads import Uploads
from streamer.web.console.visits import Site, Visit
from streamer.web.following import running


@dataclass(frozen=True)
class Console:
    """All pages."""

    site: Site
    counting: Counting
    overview: Overview
    segments: Segments
    builder: Builder
    customers: Customers
    plays: plays_page.Plays
    models: models_page.Models
    data: data_page.Data
    uploading: Uploading
    health: Health
    live: Live
    downloads: api_segments.Segments

    def routes(self) -> list[Route]:
        """Return a route for every page."""
        page, form = self.site.page, self.site.form
        return [
            Route("/enter", self.site.enter),
            Route("/static/{name:path}", self.site.assets.serve),
            Route("/", page(self.overview.show)),
            Route("/live", page(self.live.stream)),
            Route("/segments", page(self.segments.list)),
            Route(BUILDER, page(self.builder.show), methods=["GET"]),
            Route(BUILDER, form(self.builder.change, MOST_BYTES, MOST_FIELDS), methods=["POST"]),
            Route("/segments/{segmentation}/{segment}", page(self.segments.one)),
            Route("/segments/{segmentation}/{segment}/members.csv", page(self._members)),
            Route("/ahead", page(self.segments.ahead)),
            Route("/customers", page(self.customers.search)),
            Route("/find", page(self.customers.go)),
            Route("/customers/{id:path}", page(self.customers.one)),
            Route("/plays", page(self.plays.list)),
            Route("/plays/{name}", page(self.plays.one), methods=["GET"]),
            Route("/plays/{name}", form(self.plays.order), methods=["POST"]),
            Route("/models", page(self.models.show), methods=["GET"]),
            Route("/models", form(self.models.decide), methods=["POST"]),
            Route("/data", page(self.data.show)),
            Route(UPLOADS, page(self.uploading.take), methods=["POST"]),
            Route(f"{UPLOADS}/{{id}}", page(self.uploading.show), methods=["GET"]),
            Route(f"{UPLOADS}/{{id}}", form(self.uploading.order), methods=["POST"]),
            Route(f"{UPLOADS}/{{id}}/check", page(self.uploading.check_page)),
            Route(f"{UPLOADS}/{{id}}/rejects.csv", page(self.uploading.rejects)),
            Route("/health", page(self.health.show)),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Count customers during the block. At its end, stop the commands that process uploads."""
        await asyncio.to_thread(self.uploading.uploads.recover)
        uploads = self.uploading.uploads
        followed = {"counting of customers": self.counting.follow, "removal of old uploads": uploads.follow}
        async with running(followed):
            try:
                yield
            finally:
                await uploads.close()

    async def _members(self, visit: Visit) -> Response:
        return await self.downloads.members_csv(visit.request)


def console(
    settings: Settings,
    book: Book,
    view: View,
    readers: Readers,
    changes: Changes,
    blocking_view: Callable[[], ViewReader],
    kafka: KafkaConnection,
) -> Console:
    """Return the console, which uses the same services as the lookup API."""
    counting, uploads = Counting(blocking_view, book), Uploads(settings.home)
    site = Site(settings, ZoneInfo(settings.timezone), book, Sessions(settings.home), Assets(), templates())
    return Console(
        site,
        counting,
        Overview(readers, counting, lambda: vector_text(changes.end())),
        Segments(view, readers, counting),
        Builder(settings, view),
        Customers(readers, Addressed(counting.addresses, view)),
        plays_page.Plays(settings, Fresh(lambda: state_of(kafka), plays_page.FRESH_SECONDS)),
        models_page.Models(
            settings,
            Fresh(lambda: models_page.published(settings), models_page.FRESH_SECONDS),
            Fresh(lambda: learned.look(settings), learned.FRESH_SECONDS),
        ),
        data_page.Data(
            Fresh(lambda: data_page.inflow(settings, book.page.totals.dead_letters), data_page.FRESH_SECONDS), uploads
        ),
        Uploading(settings, uploads, Fresh(lambda: data_page.holds_demo(settings), data_page.FRESH_SECONDS)),
        Health(Fresh(lambda: checkup(settings), FRESH_SECONDS)),
        Live(changes),
        api_segments.Segments(view, book, readers),
    )
