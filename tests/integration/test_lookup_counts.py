"""Test what a lookup costs: one request to Redis, none to the read model. Counted, so it holds on any machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from models.customer import snapshot
from models.customer.customer import Customer
from models.customer.profile import Profile
from schemas.partition import partition_for
from streamer.adapters import redis_wire
from streamer.adapters.redis import connect
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.redis_reader import ViewReader
from streamer.config.settings import Settings
from streamer.web.api.addresses import Addressed
from streamer.web.api.book import Book
from streamer.web.api.customers import Customers
from streamer.web.api.view import View
from streamer.web.readmodel.reading import Reader

pytestmark = pytest.mark.integration
LANES = 4


class Counts:
    """Requests to Redis, and the number of sends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.questions: list[Any] = []
        self.sends = 0
        execute, send = redis_wire.Wire.execute, redis_wire._Pipeline._send

        async def executed(wire: redis_wire.Wire, *command: str | bytes) -> Any:
            self.questions.append(command[0])
            return await execute(wire, *command)

        def sent(pipeline: redis_wire._Pipeline) -> None:
            self.sends += 1
            send(pipeline)

        monkeypatch.setattr(redis_wire.Wire, "execute", executed)
        monkeypatch.setattr(redis_wire._Pipeline, "_send", sent)


def no_reader() -> Reader:
    raise AssertionError("a look-up of one customer needs no list")


def request(id: str) -> Request:
    return Request({"type": "http", "path_params": {"id": id}, "headers": [], "query_string": b""})


async def store(url: str, prefix: str, id: str, alias: str | None = None) -> None:
    customer = Customer(id, (0, 0), 0)
    if alias is not None:
        customer.profile, customer.profile_dirty = Profile(alias=alias), True
    client = connect(url)
    key = LaneKeys(prefix, partition_for(id.encode(), LANES)).parts(id)
    for name, value in snapshot.dump(customer, b"").items():
        await client.hset(key, name, value)
    await client.aclose()


def test_a_look_up_asks_redis_once(redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        for number in range(40):
            await store(redis_url, prefix, f"c{number}")
        await store(redis_url, prefix, "other-name", "c7")
        policy = Settings.load({}, environ={}).policy(LANES)
        book = Book(lambda: ViewReader(redis_url, prefix, LANES), policy)
        following = asyncio.ensure_future(book.follow())
        await asyncio.wait_for(book.ready.wait(), 10)
        view = View(connect(redis_url), prefix, LANES)
        handlers = Customers(view, book, no_reader, Addressed(lambda: None, view))
        try:
            await handlers.customer(request("c1"))
            counts = Counts(monkeypatch)
            assert (await handlers.customer(request("c7"))).status_code == 200
            assert counts.questions == ["HMGET"] and counts.sends == 1
            assert b'"customer_id":"c7"' in (await handlers.customer(request("other-name"))).body
            assert counts.questions == ["HMGET"] * 3 and counts.sends == 3, "another name costs one more"
            # Concurrent lookups are requested together, and none waits for another's answer.
            await asyncio.gather(*(handlers.customer(request(f"c{number}")) for number in range(40)))
            assert len(counts.questions) == 43 and counts.sends == 4
        finally:
            following.cancel()
            await asyncio.wait([following])
            book.close()
            await view.close()

    asyncio.run(look())
