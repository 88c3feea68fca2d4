"""Keep the web process's background tasks running: a failed task is logged and restarted, so that pages stay current."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

_AGAIN_SECONDS = 5.0
_log = structlog.get_logger(__name__)


async def kept_running(name: str, follow: Callable[[], Awaitable[None]], pause: float = _AGAIN_SECONDS) -> None:
    """Run ``follow`` until it returns or is cancelled. After an exception, run it again after ``pause`` seconds."""
    while True:
        try:
            return await follow()
        except Exception as error:
            _log.error("background task failed; restarting it", task=name, error=repr(error), exc_info=error)
        await asyncio.sleep(pause)


@asynccontextmanager
async def running(followed: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    """Keep named tasks running during the block, and end them with it."""
    tasks = [asyncio.ensure_future(kept_running(name, follow)) for name, follow in followed.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
