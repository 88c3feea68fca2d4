"""Serve the state of plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.endpoints import MAX_DAYS
from schemas.errors import UserError
from streamer.act.heart.state import PlayState, State
from streamer.act.plays.book import Book
from streamer.act.reader import state_of
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection
from streamer.queries.plays import of_customers, report, standing
from streamer.web.api import parameters
from streamer.web.api.problems import ProblemError

_SECONDS: Final = 2.0
_DAYS: Final = 30


Preview = Callable[[Book, str, int, int], tuple[int, dict[str, Any]]]
"""Previews a play over some days before an instant (ms). Returns the number of changes and the funnel. Blocks."""


class Plays:
    """Handlers under ``/v1/plays``. The state is read from its topic, at most every two seconds."""

    def __init__(self, connection: KafkaConnection, preview: Preview) -> None:
        self._connection = connection
        self._preview = preview
        self._previewing = asyncio.Lock()
        self._read: tuple[float, State] | None = None
        self._reading = asyncio.Lock()

    async def list(self, request: Request) -> Response:
        """Return every play that was ever started."""
        state = await self._state()
        return parameters.answer(
            {"plays": {name: standing(name, play, state) for name, play in state.ledger.plays.items()}}
        )

    async def report(self, request: Request) -> Response:
        """Return whether a play works: the output of ``streamer plays report``."""
        name, play, state = await self._play(request)
        # The first call imports scipy, which takes a second.
        return parameters.answer(await asyncio.to_thread(report, name, play, state, SystemClock().now_ms()))

    async def preview(self, request: Request) -> Response:
        """Return what a play would have done: the output of ``streamer plays preview``, for its current file."""
        days = parameters.number_of(request, "days", 1, MAX_DAYS, _DAYS) or _DAYS
        name, play, state = await self._play(request)
        try:
            of_customers(state.books[play.version].plays[name])
        except UserError as error:
            raise ProblemError(404, error.message, error.hint) from None
        # A preview reads all changes and all customers, so only one runs at a time.
        async with self._previewing:
            now = SystemClock().now_ms()
            changes, funnel = await asyncio.to_thread(self._preview, state.books[play.version], name, days, now)
        return parameters.answer({"days": days, "changes": changes, **funnel})

    async def _play(self, request: Request) -> tuple[str, PlayState, State]:
        """Return the play in the path. Raises ProblemError if there is none with that name."""
        name, state = parameters.id_of(request, "name"), await self._state()
        play = state.ledger.plays.get(name)
        if play is None:
            raise ProblemError(404, "no such play", "`GET /v1/plays` lists all plays that were started")
        return name, play, state

    async def _state(self) -> State:
        loop = asyncio.get_running_loop()
        async with self._reading:
            if self._read is None or loop.time() - self._read[0] > _SECONDS:
                self._read = loop.time(), await asyncio.to_thread(state_of, self._connection)
            return self._read[1]
