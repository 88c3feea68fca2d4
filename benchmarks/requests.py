"""Requests over a few keep-alive connections at a steady rate, each timed from the moment at which it was due.

A late answer therefore delays the requests behind it too, as it would for a waiting user.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its path, and its body if it is a POST of JSON."""

    path: str
    body: bytes | None = None


class Connection:
    """A keep-alive HTTP/1.1 connection to this machine."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: localhost\r\nAuthorization: Bearer {token}\r\n"

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def send(self, request: Request) -> tuple[int, bytes]:
        """Return the status and body of the response."""
        head = f"{'GET' if request.body is None else 'POST'} {request.path} HTTP/1.1\r\n{self._head}"
        if request.body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(request.body)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + (request.body or b""))
        lines = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        return int(lines[0].split()[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


def at_rate(port: int, token: str, requests: Sequence[Request], rate: float, seconds: float) -> list[float]:
    """Send requests at a steady rate; return the seconds of each. Raises on any status other than 200."""
    return asyncio.run(_at_rate(port, token, requests, rate, seconds))


async def _at_rate(port: int, token: str, requests: Sequence[Request], rate: float, seconds: float) -> list[float]:
    found: list[float] = []
    loop = asyncio.get_running_loop()
    begun = loop.time()
    numbers = iter(range(int(rate * seconds)))

    async def one(connection: Connection) -> None:
        for number in numbers:
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            status, body = await connection.send(requests[number % len(requests)])
            assert status == 200, body
            found.append(loop.time() - due)

    await _over_connections(port, token, one)
    return found


def at_once(port: int, token: str, requests: Sequence[Request], good: Callable[[int, bytes], bool]) -> float:
    """Send all requests as fast as they are answered; return the seconds. Raises if an answer is not ``good``."""
    return asyncio.run(_at_once(port, token, requests, good))


async def _at_once(port: int, token: str, requests: Sequence[Request], good: Callable[[int, bytes], bool]) -> float:
    left = iter(requests)
    begun = time.monotonic()

    async def one(connection: Connection) -> None:
        for request in left:
            status, body = await connection.send(request)
            assert good(status, body), (status, body)

    await _over_connections(port, token, one)
    return time.monotonic() - begun


async def _over_connections(port: int, token: str, work: Callable[[Connection], object]) -> None:
    connections = [Connection(port, token) for _ in range(CONNECTIONS)]
    for connection in connections:
        await connection.open()
    try:
        await asyncio.gather(*(work(connection) for connection in connections))  # type: ignore[call-overload]
    finally:
        for connection in connections:
            connection.close()
