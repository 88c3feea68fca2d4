"""How plays stand."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from streamer.act.heart.state import State
from streamer.act.reader import state_of
from streamer.adapters.clock import SystemClock
from streamer.adapters.kafka import KafkaConnection
from streamer.queries.plays import report, standing
from streamer.web.api import parameters
from streamer.web.api.problems import ProblemError

_SECONDS: Final = 2.0


class Plays:
    """Handlers under ``/v1/plays``. The state is read from its topic, every two seconds at most."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._read: tuple[float, State] | None = None
        self._reading = asyncio.Lock()

    async def list(self, request: Request) -> Response:
        """Every play that was ever started."""
        state = await self._state()
        return parameters.answer(
            {"plays": {name: standing(name, play, state) for name, play in state.ledger.plays.items()}}
        )

    async def report(self, request: Request) -> Response:
        """Whether a play helps, as ``streamer plays report`` says it."""
        name, state = parameters.id_of(request, "name"), await self._state()
        play = state.ledger.plays.get(name)
        if play is None:
            raise ProblemError(404, "no such play was started", "`GET /v1/plays` lists the plays that were")
        # The first one loads scipy, for a second.
        return parameters.answer(await asyncio.to_thread(report, name, play, state, SystemClock().now_ms()))

    async def _state(self) -> State:
        loop = asyncio.get_running_loop()
        async with self._reading:
            if self._read is None or loop.time() - self._read[0] > _SECONDS:
                self._read = loop.time(), await asyncio.to_thread(state_of, self._connection)
            return self._read[1]
