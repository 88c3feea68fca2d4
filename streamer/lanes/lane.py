"""Own one partition: restore, then process batch after batch in an order that loses nothing.

The order of effects, and the reasons for it:

1. Read the view: states, and the token of the changelog position it shows. An unexpected token means that the view
   was lost or belongs to another lane. Restore it first, because an empty view must not look like new customers.
2. `decide`, a pure function.
3. Commit one Kafka transaction: states, changes, memberships, dead letters, panel rows, rerouted records, ledger,
   offset. All or nothing.
4. Write the view, compare-and-set on its token. A crash between 3 and 4 leaves the view behind, which 1 detects.

A step that raises before 3 is rolled back (`rollback`) and retried with fewer records (`narrowing`). A record that
raises on its own becomes a dead letter. If even that fails, only this lane stops, and reports why (`trouble`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from models.messages.count import Count
from schemas.errors import InvalidEvent, InvariantViolation, TransientError
from schemas.records import LogRecord
from streamer.core import ledger
from streamer.core.state import LaneState
from streamer.lanes import deleted
from streamer.lanes.context import LaneContext, LaneListener, Silent, Step
from streamer.lanes.deadletter_limit import DeadLetterLimit
from streamer.lanes.inbox import Inbox
from streamer.lanes.loader import CustomerLoader, ViewBroken, ViewLost
from streamer.lanes.narrowing import Narrowing, text_of
from streamer.lanes.ports import Fenced, LaneLog, LaneView, Update
from streamer.lanes.restore import LOST, restore, token_of
from streamer.lanes.rollback import Checkpoint
from streamer.lanes.silent_imports import SilentImports
from streamer.lanes.step import Prepared, StepMaker, accusation
from streamer.lanes.trouble import Attempts, Trouble

log = structlog.get_logger(__name__)

_RESTORES = 3
"""Number of times to restore the view for one batch before giving up."""
_QUARANTINE_SECONDS = 0.02
_RESUME = "`streamer lanes resume {lane}` tries again"
_SKIP = "`streamer lanes skip {lane}:{offset}` makes it a dead letter, `streamer lanes resume {lane}` tries it again"


class Lane(Inbox):
    """Owns one partition from `open` to `close`. All methods run in one event loop."""

    _silent: SilentImports
    """Set in `open`, because the silence of imports is counted from then on."""

    def __init__(
        self,
        partition: int,
        lane_log: LaneLog,
        view: LaneView,
        context: LaneContext,
        listener: LaneListener | None = None,
    ) -> None:
        self._listener = listener or Silent()
        super().__init__(f"lane {partition}", lambda offset: self._listener.fetch_again(partition, offset))
        self.partition = partition
        self.settings = context.settings
        self.state = LaneState.fresh(partition)
        self.halted: Trouble | None = None
        self._log = lane_log
        self._view = view
        self._policy = context.policy
        self._clock = context.clock
        self._may_tick = context.may_tick
        self._token: str | None = None
        self._raw_ledger = b""
        # True if the ledger has changes that no step has committed.
        self._unsaved = False
        self.committed = 0
        """Last committed offset; `next_offset` is ahead of it during a step."""
        # True if more customers are due than one turn handles.
        self._hurry = False
        self._loader = CustomerLoader(view, context.policy, self.settings.max_due)
        self._maker = StepMaker(context)
        self._narrowing = Narrowing()
        self._attempts = Attempts(view, context.quarantine)
        self._enough = self.settings.max_records
        self._limit = self._fresh_limit()
        self._clock_request: tuple[int, int] | None = None

    # -- life -------------------------------------------------------------------------------------------------

    async def open(self) -> int:
        """Fence the previous owner and restore; return the offset to read from.

        A lane that cannot be restored halts; the others keep running.
        """
        await self._log.open()
        noted = await self._attempts.reopened()
        try:
            await self._restore()
        except InvariantViolation as error:
            self.state.ledger.next_offset = await self._log.first_offset()
            await self._halt(str(error), _RESUME)
        else:
            await self._stop_if_deleted()
        self._silent = SilentImports(self.partition, self.settings.import_silence_ms, self._clock.now_ms())
        if noted is not None and noted.why and self.halted is None:
            log.info("retrying a stopped lane", lane=self.partition, why=noted.why)
        return self.next_offset

    @property
    def next_offset(self) -> int:
        """Offset of the first record that this lane has not decided."""
        return self.state.ledger.next_offset

    @property
    def is_excused(self) -> bool:
        """Whether the lane has a reason not to advance: it is halted, or waits for its view."""
        return self.halted is not None or self._view.waiting

    @property
    def has_room(self) -> bool:
        """Whether another batch may be offered."""
        return self.halted is None and super().has_room

    @property
    def walking(self) -> bool:
        """Whether the walk through customers outside memory is still unfinished since the last daily step."""
        return self._loader.cursor is not None

    def condemn(self, offset: int, why: str) -> None:
        """Make a record a dead letter regardless of its content, because an operator wants the lane to skip it."""
        self._narrowing.poison[offset] = InvalidEvent("poison", why)

    def release(self) -> None:
        """Clear the reason for the stop and the counts of the dead-letter limit."""
        self.halted, self._limit = None, self._fresh_limit()

    async def run(self) -> None:
        """Process batches until `stop`. A halted lane waits until it is released.

        Unrecoverable errors propagate; the process must then end.
        """
        while not self._stopping:
            if self.halted is not None:
                await self._wait_for_release()
                continue
            await self._something_waits(0.0 if self._hurry or self.walking else self.settings.tick_seconds)
            if not self._stopping:
                await self.turn()

    async def close(self) -> None:
        """Give up the lane."""
        if self.halted is None:
            await self._attempts.ended()
        await self._log.close()

    # -- one turn ---------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Run one step: process everything queued, within bounds, or tick the clock."""
        if self._hole and await self._stop_if_deleted():
            return
        begun = asyncio.get_running_loop().time()
        start = self.next_offset
        records, end = self._taken(start)
        if records and (allowed := await self._attempts.begin(start)) is not True:
            self._give_back(start, end, records)
            if allowed is False:
                await asyncio.sleep(_QUARANTINE_SECONDS)
            else:
                died = f"the process ended {Count(allowed.attempts):|time} with the batch that begins here"
                await self._halt(allowed.why or died, _SKIP)
            return
        if end == start > self.committed:
            # No record will commit this offset. Once the empty stretch is deleted, it would look like lost records.
            self._unsaved = True
        clock = None if records else await self._wall_clock()
        made = self._maker.begin(begun)
        await self._decode(made, records, end)
        if made.unreadable is not None and not made.decoded_records:
            await self._halt(str(made.unreadable), _SKIP)
            return
        before = Checkpoint.of(self.state, self._raw_ledger, self._loader.cursor)
        try:
            due = await self._load(made, clock)
        except ViewBroken as error:
            self._give_back(start, made.end, records[: len(made.decoded_records)])
            await self._halt(str(error), _RESUME)
            return
        made.stage("load")
        try:
            await self._decide(made, clock, due)
        except MemoryError:
            raise
        except Exception as error:
            await self._take_back(error, made, records[: len(made.decoded_records)], before)
            return
        if made.writes:
            await self._finish(made)
        else:
            # The walk after a daily step may have loaded many customers without moving any.
            self.state.cache.forget(self.settings.max_residents, made.decision.touched)

    def _taken(self, start: int) -> tuple[Sequence[LogRecord], int]:
        """Return the records of this step and the offset after them."""
        records: Sequence[LogRecord]
        records, end = self._consecutive(start, self._enough)
        usual = self._enough if self._enough < self.settings.max_records else len(records)
        return self._cut(records, self._narrowing.limit(records, usual), end)

    def _cut(self, records: Sequence[LogRecord], most: int, end: int) -> tuple[Sequence[LogRecord], int]:
        """Return the first ``most`` records and the offset after them, and queue the rest again."""
        if most >= len(records):
            return records, end
        cut = records[most].offset
        self._give_back(cut, end, records[most:])
        return records[:most], cut

    async def _decode(self, made: Prepared, records: Sequence[LogRecord], end: int) -> None:
        await self._maker.decode(made, records, end, self.state, self._narrowing.poison)
        if (room := self._limit.room(made.decoded_records)) < len(made.decoded_records):
            made.keep(room)
        if len(made.decoded_records) < len(records):
            # Records before an unreadable batch are decided first; the next turn begins with that batch.
            self._give_back(made.end, end, records[len(made.decoded_records) :])
        made.stage("decode")

    async def _decide(self, made: Prepared, clock: int | None, due: Sequence[str]) -> None:
        """Run everything from the first change of the state up to the commit."""
        end = made.end
        if left := await self._maker.decide(made, self.state, clock, due):
            self._give_back(made.end, end, [decoded.record for decoded in left])
        if made.decision.new_day or made.decision.definitions:
            self._loader.cursor = ""
        if not made.decoded_records and self._clock_request is None:
            book = self.state.ledger
            made.decision.rerouted.extend(self._silent.close(book.imports, book.numbers, self._clock.now_ms()))
        self._maker.encode(made, self.state, anyway=self._unsaved)
        made.stage("decide")

    async def _finish(self, made: Prepared) -> None:
        """Commit, write the view, and report the step."""
        try:
            offset = await self._log.commit(made.writes, made.end)
        except (Fenced, TransientError):
            # Caused by the broker or another owner, not by the batch.
            await self._attempts.forgiven()
            raise
        made.stage("commit")
        committed_ms = self._clock.now_ms()
        self._raw_ledger, self._unsaved, self.committed = made.raw_ledger, False, made.end
        self._narrowing.decided(made.end)
        await self._show(made.update, offset)
        await self._attempts.ended()
        made.stage("view")
        self._pace(len(made.decoded_records), sum(made.seconds.values()))
        self._listener.stepped(
            Step(self.partition, made.decoded_records, made.decision, self.state, committed_ms, made.seconds)
        )
        self.state.cache.forget(self.settings.max_residents, made.decision.touched)
        # Guest records do not indicate a bad deploy.
        refused = {dead.record.offset for dead in made.decision.dead_letters if dead.reason != "nobody"}
        reason = self._limit.take(made.decoded_records, refused)
        if reason is not None:
            # Committed data stays; stop before draining more.
            await self._halt(reason, _RESUME)

    def _pace(self, records: int, seconds: float) -> None:
        """Make steps smaller if they take too long, and larger again if they do not."""
        if seconds > self.settings.step_seconds and records:
            self._enough = max(1, min(self._enough, int(records * self.settings.step_seconds / seconds)))
        elif self._enough < self.settings.max_records:
            self._enough = min(self.settings.max_records, 2 * self._enough)

    # -- what fails -------------------------------------------------------------------------------------------

    async def _take_back(
        self,
        error: Exception,
        made: Prepared,
        records: Sequence[LogRecord],
        before: Checkpoint,
    ) -> None:
        """Roll back a step that raised before its commit and retry with fewer records. Halt if none is to blame."""
        accused, cause = accusation(error, made.decoded_records)
        known = not isinstance(error, ViewBroken) and self._narrowing.failed(records, cause, accused)
        log.warning(
            "step failed; rolling it back",
            lane=self.partition,
            offset=before.next_offset,
            records=len(records),
            error=text_of(cause),
            exc_info=None if known else cause,
        )
        self.state, all_dropped = await before.rolled_back(self.state, made.at_risk(error), self._view)
        self._loader.cursor = "" if all_dropped else before.cursor
        self._give_back(before.next_offset, made.end, records)
        # One bad record may mean more, so keep each failed step small.
        self._enough = min(self._enough, self._narrowing.careful)
        if not known:
            await self._halt(text_of(cause), _SKIP if records else _RESUME)

    async def _stop_if_deleted(self) -> bool:
        """Halt if the input starts after the next offset."""
        self._hole = False
        first = await self._log.first_offset()
        if self.next_offset >= first:
            return False
        await self._halt(deleted.why_deleted(self.next_offset, first), deleted.HINT)
        return True

    async def _halt(self, why: str, hint: str) -> None:
        hint = hint.format(lane=self.partition, offset=self.next_offset)
        trouble = self.halted = Trouble(self.next_offset, 0, why, hint, self._clock.now_ms())
        log.error("lane stopped (see docs/runbooks/LaneStopped.md)", lane=self.partition, why=str(trouble))
        self._listener.halted(self.partition, str(trouble))
        await self._attempts.given_up(trouble)

    async def _wait_for_release(self) -> None:
        """Check periodically whether the note was removed, then reopen the lane."""
        self._drop()
        await self._something_waits(self.settings.tick_seconds)
        if self._stopping or await self._view.trouble() is not None:
            return
        log.info("resuming a stopped lane", lane=self.partition)
        self.release()
        self._narrowing = Narrowing()
        await self.open()
        if self.halted is None:
            self._seek(self.next_offset)
            self._listener.released(self.partition)

    def _fresh_limit(self) -> DeadLetterLimit:
        settings = self.settings
        return DeadLetterLimit(settings.deadletter_run, settings.deadletter_ratio, settings.deadletter_window)

    # -- the view ---------------------------------------------------------------------------------------------

    async def _load(self, made: Prepared, clock: int | None) -> Sequence[str]:
        """Load customers and return the ids of those due. First restore a view that is incomplete or not ours."""
        for _ in range(_RESTORES):
            try:
                loaded = await self._loader.load(made.decoded_records, clock, self.state, self._token)
            except ViewLost as lost:
                log.warning(LOST, lane=self.partition, why=str(lost), other_owner=not lost.partly)
                try:
                    await self._restore(whole=lost.partly)
                except InvariantViolation as error:
                    raise ViewBroken(str(error)) from error
                continue
            self._hurry = loaded.more
            return loaded.due
        raise ViewBroken("the view cannot be restored")

    async def _wall_clock(self) -> int | None:
        """Return the wall clock (ms) less its margin, or None until all records appended before that reading are read."""
        if self._clock_request is None:
            now = self._clock.now_ms()
            self._clock_request = (now, await self._log.end_offset())
        requested_at, end = self._clock_request
        if self.next_offset < end:
            return None
        self._clock_request = None
        return requested_at - self.settings.wall_margin_ms if self._policy.wall and self._may_tick() else None

    async def _show(self, update: Update, offset: int) -> None:
        token = token_of(self.state.ledger, offset)
        if await self._view.write(self._token, token, update):
            self._token = token
        else:
            log.warning("Redis view rejected an update; rebuilding it", lane=self.partition, other_owner=True)
            await self._restore()

    async def _restore(self, *, whole: bool = False) -> None:
        time = asyncio.get_running_loop().time
        begun = time()

        def progressed(passed: int, of: int) -> None:
            self._listener.restoring(self.partition, passed, of)

        restored = await restore(self.partition, self._log, self._view, self._policy, progressed, whole=whole)
        self.state, self.committed = restored.state, restored.state.ledger.next_offset
        self._require_signatures()
        self._token = restored.token
        self._raw_ledger = ledger.dump(self.state.ledger)
        self._loader.cursor = ""
        self._listener.restored(self.state, time() - begun, restored.customers)

    def _require_signatures(self) -> None:
        """Set, once, when signatures of control records become required, by append time; older ones may be unsigned.

        The next step commits the time even without records, or each restart of an idle lane would postpone it.
        """
        book = self.state.ledger
        if book.signed_from is None:
            at_once = book.consumed == 0 and self.settings.control_keys is not None
            book.signed_from = self._clock.now_ms() + (0 if at_once else self.settings.grace_ms)
            self._unsaved = True
