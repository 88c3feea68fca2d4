"""Send an HTTP answer in one piece.

uvicorn writes head and body separately, and each write is a system call, which costs more than everything else about a
short answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Joined(HttpToolsProtocol):
    """uvicorn's protocol on a transport that joins writes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, Joining(transport, self.loop)))


class Joining:
    """A transport that delays one write until the next one, or the next loop iteration, and sends both together.

    It never holds more than one write, so that a writer soon notices a reader who reads nothing.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            both, self._held = b"".join((self._held, data)), b""
            self._transport.write(both)
        elif data:
            self._held = data
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Close the transport once everything is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)
