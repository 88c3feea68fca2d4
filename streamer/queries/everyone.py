"""Read customers of the view as rules and lists need them: with order book and profile, without remembered event ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.customer.customer import Customer
from models.customer.snapshot import glance
from streamer.adapters.redis_reader import CHUNK, ViewReader


def in_lane(view: ViewReader, lane: int) -> Iterator[list[tuple[Customer, bytes]]]:
    """Yield a lane's customers in chunks, in byte order of their ids, each with its behaviour row as bytes."""
    for chunk in view.customers(lane):
        yield [glance(id, parts) for id, parts in chunk.items()]


def among(view: ViewReader, lane: int, ids: Sequence[str]) -> Iterator[list[tuple[Customer, bytes]]]:
    """Yield the customers with these main ids, in their order, as `in_lane` does."""
    for start in range(0, len(ids), CHUNK):
        yield [glance(id, parts) for id, parts in view.these(lane, ids[start : start + CHUNK]).items()]


def everyone(view: ViewReader) -> Iterator[Customer]:
    """Yield the customers of all lanes, read in chunks to limit memory."""
    for lane in range(view.lanes):
        for chunk in in_lane(view, lane):
            yield from (customer for customer, _ in chunk)
