"""Receivers that are no good: each takes connections on a port of its own, and counts them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Literal, Self

Kind = Literal["silent", "dripping", "cutting", "dripping after the head"]
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"


class BadReceiver:
    """Says nothing, says it byte by byte, closes every connection, or drips only the body of a good answer."""

    def __init__(self, kind: Kind) -> None:
        self.calls = 0
        self._kind = kind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._take, "127.0.0.1", 0), self._loop
        ).result(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        async def stop() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while (await reader.readline()) not in (b"", b"\r\n"):
                pass
            self.calls += 1
            if self._kind == "dripping after the head":
                writer.write(_HEAD + b"\r\n")
            said = {"silent": b"", "cutting": b""}.get(self._kind, _HEAD * 9)
            while self._kind != "cutting":
                if said:
                    writer.write(said[:1])
                    said = said[1:]
                await writer.drain()
                await asyncio.sleep(0.2)
        writer.close()
