"""The web application, and the server that runs it: Starlette on uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer import __version__
from streamer.act import secrets
from streamer.act.customers import RedisCustomers
from streamer.act.links import Links
from streamer.adapters.clock import SystemClock
from streamer.adapters.redis import connect
from streamer.adapters.topics import lane_count
from streamer.config.settings import Settings
from streamer.telemetry import logs
from streamer.web.events import KafkaEvents
from streamer.web.unsubscribe import Unsubscribe


async def _healthz(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _away(request: Request, error: Exception) -> Response:
    return PlainTextResponse("this cannot be saved right now; try again\n", 503, {"retry-after": "10"})


def application(pages: Unsubscribe, events: KafkaEvents | None = None) -> Starlette:
    """The application; ``events`` is opened and closed with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if events is not None:
            await events.open()
        try:
            yield
        finally:
            if events is not None:
                await events.close()

    from aiokafka.errors import KafkaError

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/u/{token}", pages.show, methods=["GET"]),
            Route("/u/{token}", pages.take, methods=["POST"]),
        ],
        exception_handlers={KafkaError: _away, TransientError: _away},
        lifespan=lifespan,
    )


def run(settings: Settings, embedded_kafka: str | None = None, embedded_redis: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError where it cannot begin."""
    logs.configure(settings.log_level, settings.log_format, version=__version__)
    kafka = settings.kafka_connection(embedded_kafka)
    kafka = replace(kafka, group=topics.full_name(kafka.group, kafka.prefix))
    lanes = lane_count(kafka.bootstrap, kafka.prefix, security=kafka.security)
    if lanes is None:
        raise UserError(f"there is no topic {kafka.topic(topics.EVENTS)}", "run `streamer topics create`")
    url, options = settings.redis_connection(embedded_redis)
    customers = RedisCustomers(connect(url, **options), kafka.group, lanes)
    events = KafkaEvents(kafka, lanes, customers, settings.consent_default == "granted")
    links = Links(secrets.load(settings).link_key)
    pages = Unsubscribe(links, events, SystemClock().now_ms, settings.language)
    uvicorn.run(
        application(pages, events),
        host=settings.web_host,
        port=settings.web_port,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
    )
