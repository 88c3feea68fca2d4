"""Read customers in Redis beside the lanes, in one transaction per lane so that customer and lane position agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.customer.snapshot import BOOK, CORE, PROFILE, glance
from schemas.errors import TransientError
from schemas.partition import partition_for
from streamer.act.ports import Seen
from streamer.adapters.redis_keys import LaneKeys

_PARTS = (CORE, BOOK, PROFILE)


class _Standing(msgspec.Struct):
    """A lane's position, decoded from its ledger."""

    next_offset: int = 0
    clock: int = 0
    customers: int = 0


_NOWHERE = _Standing()


class RedisCustomers:
    """`Customers` in the views of all lanes."""

    def __init__(self, client: Redis, prefix: str, lanes: int) -> None:
        self._client = client
        self._prefix = prefix
        self._lanes = lanes

    async def read(self, ids: Sequence[str]) -> dict[str, Seen]:
        by_lane: dict[int, list[str]] = {}
        for id in dict.fromkeys(ids):
            by_lane.setdefault(partition_for(id.encode(), self._lanes), []).append(id)
        found: dict[str, Seen] = {}
        for lane, some in by_lane.items():
            ledger, *parts = await self._of_lane(lane, some)
            standing = _standing(ledger)
            for id, one in zip(some, parts, strict=True):
                held = {name: part for name, part in zip(_PARTS, one, strict=True) if part is not None}
                customer = glance(id, held)[0] if CORE in held else None
                found[id] = Seen(customer, standing.next_offset, standing.clock)
        return found

    async def clock(self) -> int:
        return min(one.clock for one in await self._standings())

    async def count(self) -> int:
        return sum(one.customers for one in await self._standings())

    async def _standings(self) -> list[_Standing]:
        # Lanes' keys are in different slots of a cluster, which would reject an MGET over all of them.
        with _errors_in_words():
            return [_standing(await self._client.get(self._keys(lane).ledger)) for lane in range(self._lanes)]

    async def _of_lane(self, lane: int, ids: Sequence[str]) -> Any:
        with _errors_in_words():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.get(self._keys(lane).ledger)
                for id in ids:
                    pipe.hmget(self._keys(lane).parts(id), list(_PARTS))
                return await pipe.execute()

    def _keys(self, lane: int) -> LaneKeys:
        return LaneKeys(self._prefix, lane)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise TransientError(f"cannot read the customer view in Redis: {error!r}") from error


def _standing(raw: Any) -> _Standing:
    return _NOWHERE if raw is None else msgspec.json.decode(raw, type=_Standing)
