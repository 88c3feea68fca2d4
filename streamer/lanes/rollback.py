"""Roll back a step that failed before its commit to the lane's previous state.

`decide` changes the state in place, and successful steps should not pay for rollbacks. So only a few numbers are copied
beforehand: the ledger is decoded again from the last committed bytes, and the customers that the step may have touched
are evicted, because the view still has their previous state.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
import structlog

from models.behaviour.memory import Memory
from streamer.core import ledger
from streamer.core.customer_cache import CustomerCache
from streamer.core.decision import Erased
from streamer.core.state import LaneState
from streamer.lanes.ports import LaneView

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A lane's position before a step.

    Attributes
    ----------
    raw_ledger
        The last committed ledger.
    next_offset, clock
        Positions, which steps without anything to commit may have advanced since.
    days
        Days of the state. If a step has changed them, all customers in memory were touched.
    cursor
        Position of the walk through customers.
    """

    raw_ledger: bytes
    next_offset: int
    clock: int
    days: dict[str | None, int]
    cursor: str | None

    @classmethod
    def of(cls, state: LaneState, raw_ledger: bytes, cursor: str | None) -> Checkpoint:
        return cls(raw_ledger, state.ledger.next_offset, state.ledger.clock, state.days.copy(), cursor)

    async def rolled_back(self, state: LaneState, touched: Collection[str], view: LaneView) -> tuple[LaneState, bool]:
        """Return the state before the step, and whether all customers had to be evicted.

        Parameters
        ----------
        state
            State left by the failed step; do not use it afterwards.
        touched
            Customers that the step may have changed.
        """
        book = ledger.load(self.raw_ledger)
        book.next_offset, book.clock = self.next_offset, self.clock
        kept = state.days == self.days and _evicted(state.cache, touched)
        marks = await view.erased()
        return LaneState(
            book,
            state.cache if kept else CustomerCache(Memory()),
            {entry.version: state.models[entry.version] for entry in book.timeline},
            self.days.copy() if kept else {},
            {one.version: state.definitions[one.version] for one in book.definitions_versions},
            {name: msgspec.json.decode(mark, type=Erased) for name, mark in marks.items()},
            {entry.version: state.predictions[entry.version] for entry in book.predictions},
        ), not kept


def _evicted(cache: CustomerCache, ids: Collection[str]) -> bool:
    """Evict customers from memory; return False if it is too damaged to know what is left."""
    try:
        for id in ids:
            if id in cache.customers:
                cache.evict(id)
    except Exception as error:  # a half-done step can leave anything behind
        log.warning("customer cache is corrupt; reloading it", error=repr(error))
        return False
    return True
