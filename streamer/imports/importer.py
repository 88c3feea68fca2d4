"""Run an import: write a finite source to the lanes once, and finish when the lanes have applied it.

You can interrupt it at any moment and resume it. The records of each lane are confirmed in order, so a prefix of them
is present: a second run counts the prefix and writes the rest under the same import id.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import islice

from schemas import topics
from schemas.errors import UserError
from streamer.adapters.group import member_count
from streamer.adapters.import_view import ImportRecord
from streamer.adapters.redis_reader import totals
from streamer.client import change_reader
from streamer.core.ledger import Ledger
from streamer.imports import import_writer
from streamer.imports.import_writer import Sent
from streamer.imports.learning import Learning
from streamer.imports.result import Result, result_of
from streamer.imports.service import Service
from streamer.runtime import supervise
from streamer.runtime.roles import ALWAYS
from streamer.sources.import_records import Outgoing, import_records
from streamer.sources.source import Source

_POLL_SECONDS = 0.1
_STALLED_SECONDS = 5.0
_REPORTED_STALLS = 4
_LEAD_DAYS = 14
"""Maximum number of days of data written ahead of the lanes."""


@dataclass(frozen=True)
class ImportProgress:
    """Receives an import's progress: messages, records written, and records applied out of a total.

    The total is unknown until everything is written.
    """

    note: Callable[[str], None] = lambda text: None
    written: Callable[[int], None] = lambda records: None
    applied: Callable[[int, int | None], None] = lambda records, of: None


def was_broken_off(service: Service, source: Source) -> bool:
    """Return whether an import of this content was started but not finished."""
    return any(not record.finished for record in _known(service, source))


def begin(service: Service, source: Source, name: str, *, again: bool) -> tuple[ImportRecord, bool]:
    """Return the import to run, and whether it resumes an interrupted one.

    Raises
    ------
    UserError
        The same content was imported before, and ``again`` is false.
    """
    known = _known(service, source)
    for record in known:
        if not record.finished:
            return record, True
    if known and not again:
        last = known[-1]
        day = time.strftime("%Y-%m-%d", time.localtime(last.begun_ms / 1000))
        raise UserError(
            f"{name} was already imported on {day}" + ("" if last.name == name else f", as {last.name}"),
            "to send it again, pass --again; events that are still remembered are dropped as duplicates",
        )
    lanes = service.lanes
    record = ImportRecord(
        import_id=f"{source.content_hash[:24]}-{len(known) + 1}",
        source_hash=source.content_hash,
        name=name,
        begun_ms=time.time_ns() // 1_000_000,
        starts=asyncio.run(change_reader.ends(service.kafka, topics.EVENTS, lanes)),
        changes_from=asyncio.run(change_reader.ends(service.kafka, topics.CHANGES, lanes)),
        before=totals(service.view.ledgers()),
    )
    service.imports.remember(record)
    return record, False


def _known(service: Service, source: Source) -> list[ImportRecord]:
    hashes = {source.content_hash, *getattr(source, "former_hashes", ())}
    return [one for one in service.imports.imports() if one.source_hash in hashes]


class Import:
    """One run of an import.

    Parameters
    ----------
    hires
        Whether to start our own workers if no process reads the lanes.
    seconds_per_day
        Minimum real seconds per day of data, for demonstrations.
    """

    def __init__(
        self,
        service: Service,
        source: Source,
        record: ImportRecord,
        progress: ImportProgress | None = None,
        *,
        hires: bool = True,
        seconds_per_day: float = 0.0,
    ) -> None:
        self.service = service
        self.source = source
        self.record = record
        self.progress = progress or ImportProgress()
        self._hires = hires
        self._pace = seconds_per_day
        self._begun = self._moved = time.monotonic()
        self._done = -1
        self._stalls = 0
        self._day = 0
        self._days: deque[dict[int, int]] = deque()
        self._workers: supervise.Workers | None = None
        self._learning = Learning(service, record.import_id, self.progress.note, self._read_ledgers)
        self._stack = ExitStack()

    def run(self, resumed: bool) -> Result:
        """Write the source, wait until all of it is applied, and return the result.

        Raises
        ------
        UserError
            Our own workers cannot run.
        TransientError
            Kafka did not accept a record.
        """
        record = self.record
        with self._stack:
            self._see_to_workers()
            sent = asyncio.run(self._write(resumed))
            while True:
                ledgers = self._read_ledgers(sum(end - record.starts.get(lane, 0) for lane, end in sent.ends.items()))
                # At the end, time passes for many customers at once, and a lane processes them in portions.
                if _reached(ledgers, sent.ends) and not self.service.imports.dues_waiting(ledgers):
                    # Read again: the earlier ledgers predate the last records.
                    ledgers = self._read_ledgers()
                    break
                time.sleep(_POLL_SECONDS)
        record.finished = True
        self.service.imports.remember(record)
        seconds = time.monotonic() - self._begun
        result = result_of(record.before or totals([]), totals(ledgers), self.source, seconds)
        if sent.too_long:
            result.skipped["too_long"] = result.skipped.get("too_long", 0) + sent.too_long
        return result

    async def _write(self, resumed: bool) -> Sent:
        service, record = self.service, self.record
        skip: dict[int, int] = {}
        if resumed:
            self.progress.note("looking for records already written")
            skip = await import_writer.count_written(
                service.kafka, record.import_id, record.starts, range(service.lanes)
            )
        records: Iterator[Outgoing] = import_records(
            self.source,
            record.import_id,
            service.grid,
            latest=time.time_ns() // 1_000_000,
        )
        ledgers = service.view.ledgers()
        if resumed and any(record.import_id in ledger.closed for ledger in ledgers):
            self.progress.note(
                "the lanes have closed this import since; the remaining events count as late: customers reach the right "
                "segments, but some past moves are not published"
            )
            # The lanes would refuse to reopen a finished import.
            records = islice(records, 1, None)
        else:
            self._learning.resume(ledgers)
            records = self._learning.questions(records)
        return await import_writer.write(
            records, service.kafka, service.lanes, keys=service.keys, skip=skip, on_day=self._on_day
        )

    async def _on_day(self, sent: Sent) -> None:
        """Keep the pace, and do not outrun the lanes: a model learned during the import must still apply to some data."""
        self.progress.written(sent.records)
        if await self._learning.answered():
            return
        self._day += 1
        ahead = self._day * self._pace - (time.monotonic() - self._begun)
        await asyncio.sleep(max(0.0, ahead))
        self._days.append(dict(sent.ends))
        if len(self._days) > _LEAD_DAYS:
            goal = self._days.popleft()
            while not _reached(await asyncio.to_thread(self._read_ledgers), goal):
                await asyncio.sleep(_POLL_SECONDS / 5)

    def _read_ledgers(self, of: int | None = None) -> list[Ledger]:
        """Read the ledgers, report their progress (out of ``of`` records if known) and ensure that workers are running."""
        ledgers, starts = self.service.view.ledgers(), self.record.starts
        done = sum(max(0, one.next_offset - starts.get(one.partition, 0)) for one in ledgers)
        # A table knows its number of events before writing them; control records are extra.
        of = of or getattr(self.source, "expected", None)
        self.progress.applied(done if of is None else min(done, of), of)
        if done > self._done:
            self._done, self._moved, self._stalls = done, time.monotonic(), 0
        elif time.monotonic() - self._moved > _STALLED_SECONDS:
            self._moved = time.monotonic()
            self._stalls += 1
            if self._stalls % _REPORTED_STALLS == 0:
                self.progress.note("no progress for some time; `streamer doctor` may show why")
            self._see_to_workers()
        if self._workers is not None and not self._workers.alive:
            raise UserError(
                f"the worker for this import failed to start:\n{self._workers.log_tail()}",
                ("fix the problem and import again"),
            )
        return ledgers

    def _see_to_workers(self) -> None:
        """Start workers if no process reads the lanes, at the start or after the previous workers ended."""
        service = self.service
        if self._hires and self._workers is None and not is_read(service):
            self.progress.note(f"no worker is running; starting one for this import (log: {service.log_path})")
            self._workers = self._stack.enter_context(own_workers(service, self.progress.note))


def is_read(service: Service) -> bool:
    """Return whether a process reads the lanes. A killed worker counts until Kafka notices."""
    kafka = service.kafka
    return not service.alone and member_count(kafka.bootstrap, kafka.group, security=kafka.security) > 0


def own_workers(
    service: Service, progress: Callable[[str], None], roles: Sequence[str] = ALWAYS
) -> AbstractContextManager[supervise.Workers]:
    """Return a context manager that runs our own worker processes."""
    service.log_path.parent.mkdir(parents=True, exist_ok=True)
    return supervise.workers(
        roles, service.arguments, env=service.environment, log_path=service.log_path, report=progress
    )


def _reached(ledgers: Iterable[Ledger], goal: Mapping[int, int]) -> bool:
    """Return whether every lane has processed all records before its offset in ``goal``."""
    return {one.partition for one in ledgers if one.next_offset >= goal.get(one.partition, 0)} >= goal.keys()
