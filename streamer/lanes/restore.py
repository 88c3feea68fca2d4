"""Restore a lane: bring the view up to the end of the changelog, and find the ledger.

The view's token ``lane:offset`` names the changelog position it shows. If the changelog has the ledger of the same lane
incarnation just before that offset, only the tail after it is read. Otherwise the view is wiped and rebuilt from the
start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import uuid4

import msgspec
import structlog

from models.behaviour.memory import Memory
from models.customer import snapshot
from models.features.document import document
from models.rules.declared import load
from schemas.errors import InvariantViolation
from streamer.core import ledger
from streamer.core.customer_cache import CustomerCache
from streamer.core.decision import Erased
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.core.published import BEHAVIOUR, PREDICTIONS, PUBLISHED
from streamer.core.state import LaneState
from streamer.lanes.keys import LEDGER_KEY, definitions_version, erased_name, model_name, model_named, split_key
from streamer.lanes.ports import Fenced, LaneLog, LaneView, Stored, Update

log = structlog.get_logger(__name__)

LOST = "Redis view has an unexpected token or lost keys; rebuilding it"
_BUSY = "restoring"
_ATTEMPTS = 3
"""Number of times to refill a view that keeps losing keys."""
Progress = Callable[[int, int], None]
"""Called with the number of changelog offsets processed and the total."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A lane that is ready to run: its state, the view's token, and the number of customers restored."""

    state: LaneState
    token: str
    customers: int


def token_of(of: Ledger, offset: int) -> str:
    """Return the view's token after the changelog was written up to ``offset``."""
    return f"{of.lane}:{offset}"


def progress_of(token: str) -> tuple[int, int] | None:
    """Return the restore progress in a view's token: offsets processed and total; None for other tokens.

    >>> progress_of("restoring:5f3a:2000:90000"), progress_of("5f3a:90000")
    ((2000, 90000), None)
    """
    kind, *rest = token.split(":")
    if kind != _BUSY:
        return None
    return (int(rest[1]), int(rest[2])) if len(rest) == 3 else (0, 0)


async def restore(
    partition: int,
    lane_log: LaneLog,
    view: LaneView,
    policy: Policy,
    on_progress: Progress = lambda passed, of: None,
    *,
    whole: bool = False,
) -> Restored:
    """Fill the view from the changelog as far as needed, or entirely if ``whole``; report progress after each chunk.

    If the view loses what was just written, it is refilled a few times.

    Raises
    ------
    InvariantViolation
        The changelog cannot be read, or the view keeps losing keys.
    """
    read = await view.read([], {}, 0)
    if not read.whole:
        log.warning(LOST, lane=partition, why="its indexes have lost entries")
    token = None if whole or not read.whole else read.token
    for _ in range(_ATTEMPTS):
        filler = _Filler(lane_log, view, policy, on_progress)
        try:
            refilled = token is None or not await filler.follow(token)
            if refilled:
                await filler.refill()
            found = filler.ledger
            if found is None:
                found = Ledger.fresh(partition)
                found.next_offset = await lane_log.first_offset()
            state = await _state_of(found, view, may_miss=not refilled)
        except ViewForgets as error:
            log.warning("Redis lost recent writes; refilling it", lane=partition, why=str(error))
            token = None
            continue
        return Restored(state, filler.token, filler.customers)
    raise InvariantViolation(
        f"lane {partition}: Redis is losing keys while the lane is restored; is it evicting keys (maxmemory-policy), "
        "or is somebody else deleting them?"
    )


async def _state_of(found: Ledger, view: LaneView, *, may_miss: bool) -> LaneState:
    """Return the state for a ledger. Missing versions in force raise ViewForgets if ``may_miss``, else InvariantViolation."""
    kind = ViewForgets if may_miss else InvariantViolation
    bodies = await view.models()
    names = {
        model_name(kind_of_model, entry.version): segmentation
        for kind_of_model, segmentation, entries in (
            ("clusters", BEHAVIOUR, found.timeline),
            ("predictions", PREDICTIONS, found.predictions),
        )
        for entry in entries
    }
    missing_models = [name for name in names if name not in bodies]
    if missing_models:
        raise kind(f"lane {found.partition}: models {missing_models} are in force but cannot be found")
    texts = await view.definitions()
    missing = [entry.version for entry in found.definitions_versions if entry.version not in texts]
    if missing:
        raise kind(f"lane {found.partition}: definitions {missing} are in force but cannot be found")
    marks = await view.erased()
    state = LaneState(found, CustomerCache(Memory()))
    for name, segmentation in names.items():
        state.adopt(PUBLISHED[segmentation](msgspec.json.decode(bodies[name])))
    state.erased = {name: msgspec.json.decode(mark, type=Erased) for name, mark in marks.items()}
    for one in found.definitions_versions:
        state.definitions[one.version] = load(texts[one.version].decode(), one.version)
    return state


class ViewForgets(Exception):
    """Raised if the view lost what was just written to it; no other owner is to blame."""


class _Filler:
    """Writes changelog records to the view in chunks, each write guarded by the previous chunk's token."""

    def __init__(self, lane_log: LaneLog, view: LaneView, policy: Policy, on_progress: Progress) -> None:
        self.ledger: Ledger | None = None
        self.token = ""
        self.customers = 0
        self._log = lane_log
        self._view = view
        self._shop = policy.shop
        self._on_progress = on_progress
        self._id = uuid4().hex
        self._passed = self._of = 0
        self._clock_ids: set[str] = set()
        self._end = 0

    async def follow(self, token: str) -> bool:
        """Read only the records after ``token``; return False if the view does not belong to this changelog."""
        lane, _, number = token.rpartition(":")
        if progress_of(token) is not None or not number.isdigit() or int(number) < 1:
            return False
        known = False
        self.token = token
        self._end = int(number)
        start = self._end - 1
        self._of = max(0, await self._log.changelog_end() - start)
        async for chunk in self._log.changelog(start):
            self._passed = chunk[-1][0] + 1 - start
            if not known:
                offset, key, value = chunk[0]
                if offset != start or key != LEDGER_KEY or value is None:
                    return False
                if ledger.load(value).lane != lane:
                    return False
                known = True
                self.ledger = ledger.load(value)
                # Imports that end in the tail: customers due by their clocks need not be in the tail.
                self._clock_ids.update(self.ledger.imports)
                chunk = chunk[1:]
            if chunk:
                await self._apply(chunk)
        if known and self.ledger is not None:
            await self._finish()
        return known

    async def refill(self) -> None:
        """Empty the view and read the changelog from its start."""
        self.ledger = None
        self._passed, self._of = 0, await self._log.changelog_end()
        await self._view.ready()
        self.token = self._busy()
        await self._view.wipe(self.token)
        async for chunk in self._log.changelog(0):
            self._passed = chunk[-1][0] + 1
            await self._apply(chunk)
        await self._finish()

    async def _apply(self, chunk: list[tuple[int, bytes, bytes | None]]) -> None:
        customers: dict[str, Stored | None] = {}
        models: dict[str, bytes] = {}
        texts: dict[int, bytes] = {}
        erased: dict[str, bytes] = {}
        for offset, key, value in chunk:
            if key == LEDGER_KEY:
                if value is not None:
                    self.ledger = ledger.load(value)
                    self._end = offset + 1
            elif (model := model_named(key)) is not None:
                if value is not None:
                    models[model] = value
            elif (version := definitions_version(key)) is not None:
                if value is not None:
                    texts[version] = value
            elif (name := erased_name(key)) is not None:
                erased[name] = value or b""
            else:
                id, part = split_key(key)
                if value is None:
                    if part == snapshot.CORE:
                        customers[id] = None
                    continue
                stored = customers.get(id)
                if stored is None:
                    # A tombstone earlier in the same chunk means that the customer came back as a new one.
                    stored = customers[id] = Stored({}, None, None, "", born=True, fresh=id in customers)
                stored.parts[part] = value
                if part == snapshot.CORE:
                    customer = snapshot.peek(id, value)
                    stored.document = document(customer, self._shop)
                    stored.due = customer.due
                    stored.clock_id = customer.clock_id or ""
                    self._clock_ids.add(stored.clock_id)
        _mark_aliases(customers.values())
        self.customers += len(customers)
        await self._write(self._busy(), Update(customers, b"", {}, models, definitions=texts, erased=erased))
        self._on_progress(self._passed, self._of)

    async def _finish(self) -> None:
        """Write the ledger, sizes and due times of ended imports last."""
        if self.ledger is None:
            if self.customers:
                raise InvariantViolation("the changelog holds customers but no ledger")
            return
        closed = sorted(self._clock_ids - {""} - set(self.ledger.imports))
        update = Update({}, ledger.dump(self.ledger), sizes_of(self.ledger), {}, closed)
        await self._write(token_of(self.ledger, self._end), update)

    def _busy(self) -> str:
        """Return a token that no lane owns, with the progress; a crash while filling therefore restarts the restore."""
        return f"{_BUSY}:{self._id}:{self._passed}:{self._of}"

    async def _write(self, token: str, update: Update) -> None:
        if not await self._view.write(self.token, token, update):
            read = await self._view.read([], {}, 0)
            if not read.taken:
                raise ViewForgets("its token is gone")
            if read.token == self.token and not read.whole:
                raise ViewForgets("its indexes have lost entries")
            raise Fenced("somebody else is writing the view of this lane: it has another owner")
        self.token = token


def _mark_aliases(some: Iterable[Stored | None]) -> None:
    """Mark customers with only a profile as aliases if the profile marks them so."""
    for stored in some:
        if stored is not None and snapshot.CORE not in stored.parts and snapshot.PROFILE in stored.parts:
            stored.alias = snapshot.is_alias(stored.parts[snapshot.PROFILE])


def sizes_of(of: Ledger) -> dict[str, int]:
    """Return the number of customers by ``segmentation/segment``."""
    return {
        f"{segmentation}/{segment}": count
        for segmentation, segments in of.sizes.items()
        for segment, count in segments.items()
    }
