"""Load customers into the cache: those of a batch, those who are due, and all others once after every daily step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from models.customer import snapshot
from models.messages.count import Count
from schemas.control import ControlClock
from schemas.errors import InvariantViolation
from streamer.core.decide import moves_clock
from streamer.core.decode import DecodedRecord, subject
from streamer.core.policy import Policy
from streamer.core.state import LaneState
from streamer.lanes.ports import LaneView, Read

log = structlog.get_logger(__name__)


class ViewLost(Exception):
    """Raised if the view differs from what this lane wrote last or, if ``partly``, is incomplete. Restore it."""

    def __init__(self, why: str, *, partly: bool = True) -> None:
        super().__init__(why)
        self.partly = partly


class ViewBroken(InvariantViolation):
    """Raised if the view cannot be restored; no record is to blame."""


@dataclass(slots=True)
class Loaded:
    """The due customers in memory, and whether more are due than one turn handles."""

    due: list[str]
    more: bool


class CustomerLoader:
    """Loads a lane's customers from its view.

    Attributes
    ----------
    cursor
        Position of the walk through all customers; None once all were visited since the last daily step or new
        definitions.
    """

    def __init__(self, view: LaneView, policy: Policy, max_due: int) -> None:
        self._view = view
        self._policy = policy
        self._max_due = max_due
        self.cursor: str | None = ""

    async def load(
        self, decoded_records: Sequence[DecodedRecord], clock: int | None, state: LaneState, token: str | None
    ) -> Loaded:
        """Load a batch's customers and some of those who are due into the cache.

        Raises
        ------
        ViewLost
            The view's token is not ``token``, or part of its content is lost.
        """
        cache = state.cache.customers
        wanted = list(
            dict.fromkeys(id for decoded in decoded_records if (id := subject(decoded)) is not None and id not in cache)
        )
        read = await self._read(wanted, self._clocks(decoded_records, clock, state), self._max_due, state, token)
        self._admit(read.customers, state)
        due = list(read.due)
        more = len(due) >= self._max_due
        due.extend(await self._walk(state))
        absent = [id for id in due if id not in cache]
        if absent:
            again = await self._read(absent, {}, 0, state, token)
            self._admit(again.customers, state)
        return Loaded([id for id in dict.fromkeys(due) if id in cache], more)

    async def _read(
        self, ids: Sequence[str], dues: Mapping[str, int], limit: int, state: LaneState, token: str | None
    ) -> Read:
        read = await self._view.read(ids, dues, limit)
        if read.token != token:
            raise ViewLost(f"unexpected token {read.token}", partly=False)
        if not read.whole:
            raise ViewLost("its indexes have lost entries")
        if read.lost:
            raise ViewLost(f"{Count(len(read.lost)):|customer} {Count(len(read.lost)):~has|have} lost their state")
        if token is not None and read.count != state.ledger.customers:
            raise ViewLost(f"it has {Count(read.count):|customer}, but the ledger counts {state.ledger.customers}")
        return read

    def _admit(self, customers: Mapping[str, dict[str, bytes]], state: LaneState) -> None:
        cache = state.cache
        for id, parts in customers.items():
            if id in cache.customers:
                continue
            try:
                customer, behaviour = snapshot.load(id, parts)
                days = partial(customer.book.days, self._policy.grid.day_of)
                row = cache.memory.load(behaviour, days) if behaviour else -1
            except InvariantViolation as error:
                raise ViewLost(str(error)) from error
            cache.load(customer, row)

    def _clocks(self, decoded_records: Sequence[DecodedRecord], clock: int | None, state: LaneState) -> dict[str, int]:
        """Return the clocks (ms) after these records by import id; the lane's own is under ""."""
        lane = max(state.ledger.clock, clock or 0)
        clocks = {id: opened.clock or 0 for id, opened in state.ledger.imports.items()}
        for decoded in decoded_records:
            control = decoded.control
            if isinstance(control, ControlClock):
                clocks[control.import_id] = max(clocks.get(control.import_id, 0), control.at)
            if moves_clock(decoded, self._policy):
                lane = max(lane, decoded.record.timestamp - self._policy.lateness_ms)
        return {"": lane, **clocks}

    async def _walk(self, state: LaneState) -> list[str]:
        """Return the next ids of customers not in memory, once after each daily step.

        Time moves these customers between clusters too. Includes customers in memory while some have not been brought
        to new definitions.
        """
        cache, everybody = state.cache, state.ledger.behind > 0
        if len(cache) - cache.aliases >= state.ledger.customers and not everybody:
            self.cursor = None
            return []
        if self.cursor is None:
            return []
        ids = await self._view.ids_after(self.cursor, self._max_due)
        self.cursor = ids[-1] if len(ids) >= self._max_due else None
        return ids if everybody else [id for id in ids if id not in cache.customers]
