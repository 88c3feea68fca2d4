"""Pipeline commands to Redis over one connection: they do not wait for each other, at a third of redis-py's CPU.

redis-py opens the connection, with TLS, password and database. Then this module takes over the bytes: hiredis parses
them, and answers match commands in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import hiredis
from redis.asyncio import Connection, Redis
from redis.exceptions import RedisError, ResponseError

ANSWER_SECONDS: Final = 5.0
"""Seconds without an answer after which the server counts as unavailable."""


class _Pipeline(asyncio.Protocol):
    """Commands waiting for their answers, oldest first."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None
        self.over = False

    def execute(self, packed: bytes) -> asyncio.Future[Any]:
        answer = self._loop.create_future()
        if self.over:
            answer.set_exception(ConnectionError("the connection to Redis is closed"))
            return answer
        self._waiting.append((self._loop.time(), answer))
        # Send the commands of one loop iteration together, because sending costs more than everything else here.
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        if self._watch is None:
            self._watch = self._loop.call_later(ANSWER_SECONDS, self._check_timeout)
        return answer

    def _send(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def data_received(self, data: bytes) -> None:
        if self.over:
            # TLS delivers data that arrived before it closed.
            return
        self._reader.feed(data)
        try:
            while (found := self._reader.gets()) is not False:
                if not isinstance(found, hiredis.PushNotification):
                    self._answered(found)
        except hiredis.ProtocolError as error:
            self._cut_off(f"Redis sent an invalid reply: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.close(ConnectionError(f"Redis closed the connection: {error or 'no reason given'}"))

    def close(self, error: Exception) -> None:
        """Close the connection and raise the error in waiting callers."""
        self.over = True
        self._transport.close()
        if self._watch is not None:
            self._watch.cancel()
        while self._waiting:
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(error)

    def _cut_off(self, why: str) -> None:
        """Close the connection without sending the rest."""
        self.close(ConnectionError(why))
        self._transport.abort()

    def _answered(self, found: Any) -> None:
        _, answer = self._waiting.popleft()
        if answer.done():
            # Nobody waits for this answer any more.
            return
        if isinstance(found, hiredis.ReplyError):
            answer.set_exception(ResponseError(str(found)))
        else:
            answer.set_result(found)

    def _check_timeout(self) -> None:
        """Use one timer for all commands, because almost every command is answered at once."""
        self._watch = None
        if not self._waiting:
            return
        late = self._waiting[0][0] + ANSWER_SECONDS
        if late <= self._loop.time():
            self._cut_off(f"Redis did not answer within {ANSWER_SECONDS:.0f} s")
        else:
            self._watch = self._loop.call_at(late, self._check_timeout)


class Wire:
    """The connection for a client's settings. Opened on demand, and again after a loss."""

    def __init__(self, client: Redis) -> None:
        self._pool = client.connection_pool
        self._opening: asyncio.Future[_Pipeline] | None = None
        self._connection: Connection | None = None
        self._pipeline: _Pipeline | None = None

    async def execute(self, *command: str | bytes) -> Any:
        """Send a read-only command and return its answer. Raises RedisError or OSError without an answer."""
        pipeline = self._pipeline
        if pipeline is None or pipeline.over:
            pipeline = await self._opened()
        packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows tuples of one only
        return await pipeline.execute(packed)

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self._drop()

    async def _opened(self) -> _Pipeline:
        """Return the connection, opened in one attempt that all callers share.

        Separate attempts would add up their timeouts.
        """
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._open())
        # A cancelled caller must not cancel the others' attempt.
        return await asyncio.shield(self._opening)

    async def _open(self) -> _Pipeline:
        await self._drop()
        made: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            await made.connect()
        except BaseException:
            await made.disconnect(nowait=True)
            raise
        writer = made._writer
        if writer is None:
            raise RedisError("the connection was lost as soon as it was made")
        # redis-py has no public name for this; tests cover the pinned release.
        self._connection, self._pipeline = made, _Pipeline(writer.transport)
        writer.transport.set_protocol(self._pipeline)
        return self._pipeline

    async def _drop(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close(ConnectionError("closed"))
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
        self._pipeline = self._connection = None
        # The socket is closed in the loop's next iteration.
        await asyncio.sleep(0)
