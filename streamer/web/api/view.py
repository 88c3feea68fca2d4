"""Read customers in Redis without blocking, and only the parts a lookup needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.customer.customer import Customer
from models.customer.profile import Profile
from models.customer.snapshot import BOOK, CORE, PROFILE, glance, peek_both
from schemas.errors import TransientError
from schemas.partition import partition_for
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.redis_wire import Wire

_PARTS: Final = (CORE, PROFILE)
_WITH_ORDERS: Final = (*_PARTS, BOOK)
_profile: Final = msgspec.msgpack.Decoder(Profile).decode


class Looked(NamedTuple):
    """A customer without remembered event ids. ``clock_id`` and lane determine the clock that applies.

    ``behaviour`` is the customer's row of the behaviour memory, as bytes; empty without one.
    """

    lane: int
    customer: Customer
    behaviour: bytes


class View:
    """The view of all lanes."""

    def __init__(self, client: Redis, prefix: str, lanes: int) -> None:
        self._client, self._wire = client, Wire(client)
        self._keys = [LaneKeys(prefix, lane) for lane in range(lanes)]

    async def customer(self, id: str, *, orders: bool = False) -> Looked | None:
        """Return a customer by any of its ids, with its order book if ``orders``; None if there is none.

        Raises
        ------
        TransientError
            Redis does not answer.
        """
        lane = partition_for(id.encode(), len(self._keys))
        core, profile, *book = await self._parts(lane, id, orders)
        if core is not None:
            return _made(lane, id, core, profile, *book)
        alias = None if profile is None else _profile(profile).alias
        return None if alias is None else await self.customer(alias, orders=orders)

    async def customers(self, ids: Sequence[str], *, orders: bool = False) -> list[Looked | None]:
        """Return customers by their main ids, in one round trip."""
        lanes = [partition_for(id.encode(), len(self._keys)) for id in ids]
        answers = await asyncio.gather(*(self._parts(lane, id, orders) for lane, id in zip(lanes, ids, strict=True)))
        return [
            None if core is None else _made(lane, id, core, profile, *book)
            for lane, id, (core, profile, *book) in zip(lanes, ids, answers, strict=True)
        ]

    async def close(self) -> None:
        await self._wire.close()
        await self._client.aclose()

    async def _parts(self, lane: int, id: str, orders: bool) -> list[bytes | None]:
        try:
            found: list[bytes | None] = await self._wire.execute(
                "HMGET", self._keys[lane].parts(id), *(_WITH_ORDERS if orders else _PARTS)
            )
        except (RedisError, OSError) as error:
            raise TransientError("Redis does not answer") from error
        return found


def _made(lane: int, id: str, core: bytes, profile: bytes | None, book: bytes | None = None) -> Looked:
    if book is not None:
        parts = {CORE: core, BOOK: book} if profile is None else {CORE: core, BOOK: book, PROFILE: profile}
        return Looked(lane, *glance(id, parts))
    customer, behaviour = peek_both(id, core)
    customer.profile = None if profile is None else _profile(profile)
    return Looked(lane, customer, behaviour)
