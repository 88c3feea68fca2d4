"""Taking back a step that failed before its commit, so that the lane stands where it stood.

`decide` changes the state in place, and a step without a failure must not pay for one with it. So nothing is copied
beforehand but a few numbers: the ledger is read back from the bytes that were committed last, and the customers that
the step may have touched are dropped from memory, for the view holds them as they were.
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
    """Where a lane stood before a step.

    Attributes
    ----------
    raw_ledger
        The ledger as it was committed last.
    next_offset, clock
        What steps without anything to commit have moved since.
    days
        As in the state: if a step has moved it, all customers in memory were touched.
    cursor
        Where the walk through customers stood.
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
        """The state before the step, and whether all customers had to be dropped from memory.

        Parameters
        ----------
        state
            As the failed step left it; not to be used any more.
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
    """Drop customers from memory; False if it is too damaged to say what is left."""
    try:
        for id in ids:
            if id in cache.customers:
                cache.evict(id)
    except Exception as error:  # whatever a half-done step left
        log.warning("customers in memory are corrupt; reloading them", error=repr(error))
        return False
    return True
