"""Test the pipelined connection of lookups on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from streamer.adapters import redis_wire
from streamer.adapters.redis import connect
from streamer.adapters.redis_wire import Wire

pytestmark = pytest.mark.integration


@asynccontextmanager
async def wire(url: str, **options: object) -> AsyncIterator[tuple[Wire, Any]]:
    client = connect(url, **options)
    found = Wire(client)
    try:
        yield found, client
    finally:
        await found.close()
        await client.aclose()


def test_answers_belong_to_their_questions_however_many_ask(redis_url: str) -> None:
    async def execute() -> None:
        async with wire(redis_url) as (found, client):
            for number in range(500):
                await client.hset(f"k{number}", mapping={"a": b"x" * (number * 37 % 4_000), "b": str(number)})
            asked = [found.execute("HMGET", f"k{number % 501}", "a", "b", "c") for number in range(3_000)]
            gone = [asyncio.ensure_future(found.execute("HMGET", "k1", "b")) for _ in range(50)]
            await asyncio.sleep(0)
            for one in gone:
                one.cancel()
            for number, answer in enumerate(await asyncio.gather(*asked)):
                key = number % 501
                known = [b"x" * (key * 37 % 4_000), str(key).encode(), None]
                assert answer == (known if key < 500 else [None, None, None])
            with pytest.raises(ResponseError, match="WRONGTYPE"):
                await found.execute("LRANGE", "k1", "0", "1")
            assert await found.execute("HGET", "k7", "b") == b"7", "an error is the answer to one question only"

    asyncio.run(execute())


def test_a_connection_that_is_lost_is_said_and_made_anew(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_wire, "ANSWER_SECONDS", 0.3)

    async def execute() -> None:
        async with wire(redis_url) as (found, client):
            first = await found.execute("CLIENT", "ID")
            waits = asyncio.ensure_future(found.execute("BLPOP", "nothing", "0"))
            await asyncio.sleep(0)
            await client.execute_command("CLIENT", "KILL", "ID", first)
            with pytest.raises(OSError, match="closed"):
                await waits
            second = await found.execute("CLIENT", "ID")
            assert second != first
            await client.execute_command("CLIENT", "PAUSE", "1500", "ALL")
            begun = asyncio.get_running_loop().time()
            answers = await asyncio.gather(*(found.execute("PING") for _ in range(5)), return_exceptions=True)
            assert all(isinstance(one, OSError) for one in answers), answers
            assert asyncio.get_running_loop().time() - begun < 1.4
            await asyncio.sleep(1.5)
            assert await found.execute("PING") == b"PONG"

    asyncio.run(execute())


def test_all_who_wait_share_one_attempt_to_connect() -> None:
    async def execute() -> None:
        attempts = 0

        async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0.2)
            writer.close()

        async with await asyncio.start_server(leave, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            async with wire(f"redis://127.0.0.1:{port}") as (found, _):
                answers = [asyncio.ensure_future(found.execute("PING")) for _ in range(20)]
                await asyncio.sleep(0.05)
                answers[0].cancel()
                ended = await asyncio.gather(*answers, return_exceptions=True)
                assert isinstance(ended[0], asyncio.CancelledError)
                assert all(isinstance(one, OSError | RedisError) for one in ended[1:]) and attempts == 1
                left = asyncio.ensure_future(found.execute("PING"))
                await asyncio.sleep(0.05)
                await found.close()
                with pytest.raises(asyncio.CancelledError):
                    await left
                assert attempts == 2
            await asyncio.sleep(0.3)

    asyncio.run(execute())
