"""Build the web process: customer pages and the lookup API, with Starlette on uvicorn."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from typing import Final

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models.messages.count import Count
from schemas.errors import TransientError
from streamer import __version__
from streamer.act import secrets
from streamer.act.customers import RedisCustomers
from streamer.act.inputs import KafkaInputs
from streamer.act.links import Links
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection
from streamer.adapters.redis import connect
from streamer.adapters.redis_reader import ViewReader
from streamer.adapters.topics import topic_ids
from streamer.client import presence
from streamer.client.connections import Connections
from streamer.config.settings import Settings
from streamer.queries.plays import play_previews
from streamer.telemetry import logs, tracing
from streamer.telemetry.tracing import Tracing
from streamer.web.api import site
from streamer.web.api.addresses import Addressed
from streamer.web.api.book import Book
from streamer.web.api.changes import Changes, Stream
from streamer.web.api.customers import Customers
from streamer.web.api.guards import Guard, KnownHosts, Limits, SafeHeaders
from streamer.web.api.member_rows import MemberRows
from streamer.web.api.plays import Plays, Preview
from streamer.web.api.problems import of_error
from streamer.web.api.segments import Segments
from streamer.web.api.tokens import FILE, Tokens
from streamer.web.api.view import View
from streamer.web.collector.handlers import Collector
from streamer.web.collector.handlers import routes as collecting
from streamer.web.collector.webhooks import shop_secrets
from streamer.web.console.site import Console, console
from streamer.web.events import KafkaEvents
from streamer.web.following import running
from streamer.web.listen import listen, url_of
from streamer.web.metrics import WebMetrics
from streamer.web.publisher import Publisher
from streamer.web.readmodel.feeder import READ, Feeder
from streamer.web.readmodel.reading import Reader
from streamer.web.sending import Joined
from streamer.web.unsubscribe import Unsubscribe

_OPEN_SECONDS: Final = 1.0
"""Seconds after the start of the application, shortly before it listens."""
READ_MODEL: Final = "web.sqlite"
"""File name of the read model, in STREAMER_HOME."""
_TURN_SECONDS: Final = 0.0005
"""Seconds for which a thread may hold the interpreter while the event loop waits for it."""
_FIRST_SECONDS: Final = 3.0
"""Seconds for which the first answer waits for the first read of Redis."""


@dataclass(frozen=True)
class Api:
    """The services behind the lookup API, started and stopped with the application."""

    view: View
    book: Book
    changes: Changes
    feeder: Feeder
    readers: site.Readers
    guard: Guard
    kafka: KafkaConnection
    preview: Preview
    collector: Collector
    metrics: WebMetrics
    console: Console
    blocking_view: Callable[[], ViewReader]
    hosts: Sequence[str] = ()

    def routes(self) -> list[Route]:
        """Return the routes, including the document that describes them."""
        found = site.handlers(
            Customers(self.view, self.book, self.readers, Addressed(self.console.counting.addresses, self.view)),
            Segments(self.view, self.book, self.readers),
            MemberRows(self.blocking_view, self.book, self.feeder),
            Stream(self.changes),
            Plays(self.kafka, self.preview),
        )
        # Routes match in this order, so the most frequent are first.
        return [
            *site.routes(found, self.guard),
            *collecting(self.collector, lambda: self.guard.origins),
            *self.console.routes(),
            Route("/readyz", self._readyz),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the topics while the block lasts."""
        await self.feeder.prepare()
        followed = {
            "segments in force": self.book.follow,
            "changes": self.changes.follow,
            "read model": self.feeder.follow,
            "comparison of sizes": lambda: self.metrics.compare(self._counted, self._sizes),
        }
        try:
            async with running(followed):
                # The first visitor gets a complete page, unless Redis is unavailable.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.book.ready.wait(), _FIRST_SECONDS)
                async with self.console.running():
                    yield
        finally:
            self.readers.close()
            self.book.close()
            await self.view.close()

    def _counted(self) -> dict[str, dict[str, int]]:
        """Count members in the read model. Opens its own connection, because it runs in a thread."""
        if not self.feeder.current.is_set():
            raise TransientError("the read model is not ready yet")
        with closing(Reader(self.feeder.path)) as reader:
            return reader.counts()

    def _sizes(self) -> dict[str, dict[str, int]]:
        """Return members as counted by the lanes."""
        table = self.book.page.table
        return {name: {one["id"]: one["size"] for one in found["segments"]} for name, found in table.items()}

    async def _readyz(self, request: Request) -> Response:
        waits = [
            name
            for name, ready in (("the read model", self.feeder.filled), ("changes", self.changes.ready))
            if not ready.is_set()
        ]
        if waits:
            return PlainTextResponse(f"waiting for {' and '.join(waits)}\n", 503)
        return PlainTextResponse("ok\n")


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _away(request: Request, error: Exception) -> Response:
    """Answer while Kafka or Redis is unavailable: a plain page for customers, a problem response for programs."""
    if not request.url.path.startswith("/u/"):
        return await of_error(request, TransientError("Kafka or Redis does not answer"))
    return PlainTextResponse("this cannot be saved right now; try again\n", 503, {"retry-after": "10"})


def application(
    pages: Unsubscribe,
    publisher: Publisher | None = None,
    api: Api | None = None,
    on_start: Callable[[], object] | None = None,
) -> Starlette:
    """Return the application; ``publisher`` and ``api`` are opened and closed with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if publisher is not None:
            await publisher.open()
        try:
            if api is None:
                yield
            else:
                async with api.running():
                    if on_start is not None:
                        asyncio.get_running_loop().call_later(_OPEN_SECONDS, on_start)
                    yield
        finally:
            if publisher is not None:
                await publisher.close()

    from aiokafka.errors import KafkaError

    return Starlette(
        routes=[
            *(api.routes() if api is not None else ()),
            Route("/healthz", _healthz),
            Route("/u/{token}", pages.show, methods=["GET"]),
            Route("/u/{token}", pages.take, methods=["POST"]),
        ],
        middleware=[Middleware(SafeHeaders), Middleware(KnownHosts, hosts=api.hosts)] if api is not None else [],
        exception_handlers={**site.ERRORS, KafkaError: _away, TransientError: _away},
        lifespan=lifespan,
    )


def run(to: Connections, on_start: Callable[[], object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Calls ``on_start`` once it serves. Raises UserError if it cannot start."""
    settings = to.settings
    logs.configure(settings.log_level, settings.log_format, version=__version__)
    with closing(listen(settings)) as opened:
        _serve(to, opened, on_start)


def _serve(to: Connections, opened: socket.socket, on_start: Callable[[], object] | None) -> None:
    settings = to.settings
    redis = connect(to.redis_url, **to.redis_options)
    customers = RedisCustomers(redis, to.redis_prefix, to.lanes)
    publisher = Publisher(to.kafka)
    events = KafkaEvents(publisher, to.lanes, customers, settings.consent_default == "granted")
    links = Links(secrets.load(settings).link_key)
    pages = Unsubscribe(links, events, SystemClock().now_ms, settings.language)
    metrics = WebMetrics()
    metrics.serve(settings)
    traces = tracing.from_environment("web")
    app = application(pages, publisher, _api(to, redis, publisher, metrics, traces), on_start)
    answers_first()
    noted = presence.noted(settings.home, url_of(settings, opened), to.service)
    with closing(traces), noted, suppress(KeyboardInterrupt):
        uvicorn.Server(
            uvicorn.Config(
                app,
                http=Joined,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        ).run([opened])


def answers_first() -> None:
    """Keep answers from waiting for background threads, and for full garbage collections.

    The loop releases the interpreter at each system call, several times per answer, and regains it when a busy
    thread's interval ends. With Python's default of 5 ms, a lookup beside such a thread took 7.4 ms; alone it takes
    1.3 ms, and with this interval 2.1 ms.
    """
    sys.setswitchinterval(_TURN_SECONDS)
    # Loaded objects stay; scanning them stopped the loop for tens of milliseconds each time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _shops(settings: Settings) -> dict[str, list[str]]:
    secrets = settings.shop_secrets
    return {} if secrets is None else shop_secrets(secrets.get_secret_value())


def _api(to: Connections, redis: Redis, publisher: Publisher, metrics: WebMetrics, traces: Tracing) -> Api:
    """Return the lookup API on the servers of ``to``; closes ``redis`` at its end."""
    settings, kafka, lanes = to.settings, to.kafka, to.lanes
    policy, file = settings.policy(lanes), settings.home / READ_MODEL
    guard = Guard(Tokens(settings.tokens_file or settings.home / FILE), Limits(settings.web_rate), settings.home)
    view, readers, changes = View(redis, to.redis_prefix, lanes), site.Readers(file), Changes(kafka, lanes)

    def blocking_view() -> ViewReader:
        return ViewReader(to.redis_url, to.redis_prefix, lanes, to.redis_options)

    book = Book(blocking_view, policy)
    return Api(
        view,
        book,
        changes,
        Feeder(
            file,
            f"{kafka.group}, {Count(lanes):|lane}, {settings.timezone}",
            policy.grid.day_of,
            lambda: KafkaInputs(kafka, lanes, READ),
            lambda: topic_ids(kafka.bootstrap, [kafka.topic(name) for name in READ], security=kafka.security),
        ),
        readers,
        guard,
        kafka,
        play_previews(to),
        Collector(guard, publisher, policy, SystemClock().now_ms, metrics, _shops(settings), traces),
        metrics,
        console(settings, book, view, readers, changes, blocking_view, kafka),
        blocking_view,
        [name for name in settings.web_hosts.split(",") if name],
    )
