"""Test answers over a real socket: joined writes equal uvicorn's byte for byte, and disconnecting clients are no faults."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streamer.web.api.site import ERRORS
from streamer.web.sending import Joined

CLOSE = b"Host: x\r\nConnection: close\r\n\r\n"
KEEP = b"Host: x\r\n\r\n"
ASKED = {
    "one": b"GET /short HTTP/1.1\r\n" + CLOSE,
    "head": b"HEAD /short HTTP/1.1\r\n" + CLOSE,
    "chunks": b"GET /chunks HTTP/1.1\r\n" + CLOSE,
    "1.0": b"GET /chunks HTTP/1.0\r\n" + CLOSE,
    "nothing": b"GET /nothing HTTP/1.1\r\n" + CLOSE,
    "not modified": b"GET /same HTTP/1.1\r\n" + CLOSE,
    "file": b"GET /file HTTP/1.1\r\nRange: bytes=10-200000\r\n" + CLOSE,
    "large": b"GET /large HTTP/1.1\r\n" + CLOSE,
    "breaks": b"GET /breaks HTTP/1.1\r\n" + CLOSE,
    "fails": b"GET /fails HTTP/1.1\r\n" + CLOSE,
    "pipelined": b"GET /short HTTP/1.1\r\n"
    + KEEP
    + b"GET /large HTTP/1.1\r\n"
    + KEEP
    + b"GET /chunks HTTP/1.1\r\n"
    + CLOSE,
    "expects": b"POST /length HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n" + CLOSE + b"body",
    "rubbish": b"rubbish\r\n\r\n",
}


def application(file: Path) -> Starlette:
    async def short(request: Request) -> Response:
        return PlainTextResponse("short", background=BackgroundTask(lambda: None))

    async def chunks(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for n in range(5):
                yield b"%d" % n
                await asyncio.sleep(0)

        return StreamingResponse(pieces())

    async def breaks(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ValueError("half-way")

        return StreamingResponse(pieces())

    async def length(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def fails(request: Request) -> Response:
        raise ValueError("before it began")

    async def plain(request: Request) -> Response:
        path = request.url.path
        if path == "/file":
            return FileResponse(file)
        return {
            "/nothing": Response(status_code=204),
            "/same": Response(status_code=304, headers={"etag": '"x"'}),
            "/large": Response(b"x" * 3_000_000),
        }[path]

    return Starlette(
        routes=[
            Route("/short", short),
            Route("/chunks", chunks),
            Route("/breaks", breaks),
            Route("/fails", fails),
            Route("/length", length, methods=["POST"]),
            *(Route(path, plain) for path in ("/file", "/nothing", "/same", "/large")),
        ],
        exception_handlers=dict(ERRORS),
    )


def answers(
    app: Starlette, protocol: type[asyncio.Protocol], asked: list[bytes], *, leave: bool = False
) -> list[bytes]:
    """Return what each connection receives until its end; with ``leave``, clients disconnect at once."""

    async def ask(port: int, sent: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await writer.drain()
        if leave:
            await asyncio.sleep(0.05)
        found = b"" if leave else await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return re.sub(rb"date: .*?\r\n", b"", found)

    async def run() -> list[bytes]:
        with socket.create_server(("127.0.0.1", 0)) as opened:
            server = uvicorn.Server(uvicorn.Config(app, http=protocol, ws="none", log_config=None, access_log=False))
            serving = asyncio.ensure_future(server.serve([opened]))
            while not server.started:
                await asyncio.sleep(0.01)
            found = [await ask(opened.getsockname()[1], one) for one in asked]
            await asyncio.sleep(0.05)
            server.should_exit = True
            await serving
            return found

    return asyncio.run(run())


def test_joined_answers_are_those_of_uvicorn(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 1_000)
    app, asked = application(file), list(ASKED.values())
    ours, theirs = answers(app, Joined, asked), answers(app, HttpToolsProtocol, asked)
    assert dict(zip(ASKED, ours, strict=True)) == dict(zip(ASKED, theirs, strict=True))
    assert all(one.startswith(b"HTTP/1.1 ") for one in ours)


def test_a_client_that_goes_away_half_way_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"
    with caplog.at_level(logging.WARNING):
        answers(application(tmp_path), Joined, [sent, ASKED["large"], ASKED["chunks"]], leave=True)
    assert [one.getMessage() for one in caplog.records] == []
