"""Create a channel's HTTP client with the first message, because that requires a running loop."""

from __future__ import annotations

import aiohttp


class HttpSession:
    """One client for all calls of a sender."""

    def __init__(self) -> None:
        self._open: aiohttp.ClientSession | None = None

    def __call__(self) -> aiohttp.ClientSession:
        """Return the client, created at the first call."""
        if self._open is None:
            # Calls are bounded by channel; a common bound would let a channel that hangs hold up the others.
            connector = aiohttp.TCPConnector(limit=0)
            self._open = aiohttp.ClientSession(connector=connector, headers={"user-agent": "streamer"})
        return self._open

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()
            self._open = None
