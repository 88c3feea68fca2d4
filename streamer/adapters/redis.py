"""Implement the readable view on Redis or Valkey (7.2 or later), through one read and one write function.

Keys and functions are those of ``redis_keys``. redis-py resends a call whose answer is late. That is harmless: reads
are idempotent, and a write that finds its own token already stored reports success.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import hiredis
from redis.asyncio import Connection, Redis
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from redis.retry import Retry
from redis.typing import EncodableT

from streamer.adapters.redis_health import evicts
from streamer.adapters.redis_keys import (
    LAYOUT,
    LaneKeys,
    library,
    own_token,
    read_function,
    stored_token,
    write_function,
)
from streamer.adapters.redis_outage import Evicting, outage_of, waited_for
from streamer.lanes.ports import Read, Update

_SLOWEST_RETRY_SECONDS = 2.0
_CHUNK = 1_000


class _PackedConnection(Connection):
    """A connection that encodes commands with hiredis; redis-py's Python encoder takes a tenth of a worker's CPU."""

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        if args[0] == "FCALL":
            # For long commands, because redis-py would inspect each argument first.
            return [hiredis.pack_command(args)]  # type: ignore[arg-type]  # its stub knows tuples of one only
        pack: Callable[..., list[bytes]] = HiredisRespSerializer().pack
        return pack(*args)


def connect(url: str, **options: Any) -> Redis:
    """Return a client that fails fast. Callers that can wait retry on their own."""
    if url.startswith("redis://"):
        options["connection_class"] = _PackedConnection
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=10, socket_connect_timeout=5, **options)


def write_arguments(before: str, after: str, update: Update) -> list[Any]:
    """Return the write function's arguments for an update, with tokens in stored form."""
    args: list[Any] = [before, after, update.ledger, len(update.sizes)]
    for size_of, size in update.sizes.items():
        args += (size_of, size)
    for bodies in (update.models, update.definitions, update.erased):
        args.append(len(bodies))
        for name, body in bodies.items():
            args += (name, body)
    args.append(len(update.closed))
    args += update.closed
    for id, stored in update.customers.items():
        if stored is None or stored.fresh:
            args += (id, "d", "", "", "", 0)
        if stored is None:
            continue
        kind = "a" if stored.alias else "p" if stored.document is None else "n" if stored.born else "u"
        due = "" if stored.due is None else stored.due
        args += (id, kind, stored.document or "", stored.clock_id, due, len(stored.parts))
        for part, value in stored.parts.items():
            args += (part, value)
    return args


class RedisView:
    """A `LaneView` of one lane. Retries with growing pauses while the server is unavailable."""

    def __init__(self, client: Redis, lane: int, prefix: str = "", layout: int = LAYOUT) -> None:
        self._client = client
        self._lane = lane
        self._layout = layout
        self._keys = LaneKeys(prefix, lane, layout)
        self._outage = outage_of(client)
        self.waiting = False

    async def read(self, ids: Sequence[str], dues: Mapping[str, int], limit: int) -> Read:
        args: list[Any] = [limit, len(dues)]
        for clock_id, clock in dues.items():
            args += (clock_id, clock)
        answer = await self._function(read_function(self._layout), [*args, *ids])
        token, due, count, whole, *found = answer
        customers = {}
        lost = []
        for id, flat in zip(ids, found, strict=True):
            if flat == 1:
                lost.append(id)
            elif flat:
                customers[id] = {flat[at].decode(): flat[at + 1] for at in range(0, len(flat), 2)}
        ours = own_token(token.decode(), self._layout)
        return Read(ours, customers, [id.decode() for id in due], lost, count, bool(whole), bool(token))

    async def ready(self) -> None:
        async def refuse_eviction() -> None:
            try:
                info = await self._client.info("memory")
            except NoPermissionError:
                return
            if evicts(info):
                raise Evicting

        await self._patiently(refuse_eviction)

    async def ledger(self) -> bytes | None:
        value: bytes | None = await self._patiently(lambda: self._client.get(self._keys.ledger))
        return value

    async def models(self) -> dict[str, bytes]:
        found = await self._patiently(lambda: self._client.hgetall(self._keys.models))
        return {name.decode(): body for name, body in found.items()}

    async def definitions(self) -> dict[int, bytes]:
        found = await self._patiently(lambda: self._client.hgetall(self._keys.definitions))
        return {int(version): text for version, text in found.items()}

    async def erased(self) -> dict[str, bytes]:
        found = await self._patiently(lambda: self._client.hgetall(self._keys.erased))
        return {name.decode(): mark for name, mark in found.items()}

    async def ids_after(self, id: str, limit: int) -> list[str]:
        low = f"({id}" if id else "-"
        found = await self._patiently(lambda: self._client.zrangebylex(self._keys.ids, low, "+", start=0, num=limit))
        return [name.decode() for name in found]

    async def trouble(self) -> bytes | None:
        value: bytes | None = await self._patiently(lambda: self._client.get(self._keys.trouble))
        return value

    async def note_trouble(self, note: bytes | None) -> None:
        key = self._keys.trouble
        await self._patiently(lambda: self._client.delete(key) if note is None else self._client.set(key, note))

    async def write(self, expected: str | None, token: str, update: Update) -> bool:
        before, after = stored_token(expected, self._layout), stored_token(token, self._layout)
        return bool(await self._function(write_function(self._layout), write_arguments(before, after, update)))

    async def wipe(self, token: str) -> None:
        """Delete all keys of the lane, of any layout, except the trouble note.

        The token is written first, so that no other writer adds keys that the scan has passed. If another writer took
        over the view meanwhile, this scan may have deleted its keys and its token must not stay valid: take the view
        back and scan again.
        """
        ours = stored_token(token, self._layout).encode()

        async def empty() -> None:
            found: bytes | str | None = None
            while found != ours:
                await self._client.set(self._keys.token, ours)
                await self._delete_the_rest()
                found = await self._client.get(self._keys.token)

        await self._patiently(empty)

    async def _delete_the_rest(self) -> None:
        batch: list[bytes] = []
        kept = (self._keys.token.encode(), self._keys.trouble.encode())
        async for key in self._client.scan_iter(match=self._keys.pattern, count=_CHUNK):
            if key not in kept:
                batch.append(key)
            if len(batch) >= _CHUNK:
                await self._client.unlink(*batch)
                batch.clear()
        if batch:
            await self._client.unlink(*batch)

    async def _function(self, name: str, args: Sequence[Any]) -> Any:
        fcall: Callable[..., Awaitable[Any]] = self._client.fcall

        async def call() -> Any:
            try:
                return await fcall(name, 1, self._keys.base, *args)
            except ResponseError as error:
                # A server that lost its data also lost its functions.
                if "not found" not in str(error).lower():
                    raise
                await self._client.function_load(library(self._layout), replace=True)
                return await fcall(name, 1, self._keys.base, *args)

        return await self._patiently(call)

    async def _patiently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        pause, waited = 0.05, False
        while True:
            try:
                answer = await call()
            except (RedisError, OSError) as error:
                wait = waited_for(error)
                if wait is None:
                    raise
                self.waiting = True
                self._outage.begins(self._lane, wait, error)
                waited = True
            else:
                self.waiting = False
                if waited:
                    self._outage.ends(self._lane)
                return answer
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(_SLOWEST_RETRY_SECONDS, pause * 2)
