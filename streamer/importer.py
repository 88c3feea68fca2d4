"""An import: a finite source goes into the lanes once, and is applied when the import ends.

It can be broken off at any moment and gone on with. The records of each lane are confirmed in order, so what is there
is a front part of what was to be written: a second run counts it and writes the rest, under the same import id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas import topics
from schemas.errors import UserError
from streamer import change_reader, import_writer, supervise
from streamer.adapters.group import member_count
from streamer.adapters.import_view import ImportRecord, ImportView
from streamer.adapters.redis_reader import ViewReader, totals
from streamer.feed import feed
from streamer.import_writer import Sent
from streamer.ledger import Ledger
from streamer.result import Result, result_of
from streamer.shop.source import Source

if TYPE_CHECKING:
    from models.time import Grid
    from streamer.adapters.kafka import KafkaConnection

_POLL_SECONDS = 0.1
_STALLED_SECONDS = 5.0


@dataclass(frozen=True)
class Service:
    """The service that is imported into.

    Attributes
    ----------
    arguments, environment, log_path, roles
        For workers of our own (``supervise.workers``), where nobody reads the lanes.
    """

    kafka: KafkaConnection
    lanes: int
    view: ViewReader
    imports: ImportView
    grid: Grid
    control_key: bytes | None
    arguments: Sequence[str]
    environment: dict[str, str]
    log_path: Path
    roles: tuple[supervise.Role, ...] = ("lanes", "owner")


@dataclass(frozen=True)
class Told:
    """Who hears how an import gets on: news in words, records written, records applied of how many."""

    say: Callable[[str], None] = lambda text: None
    written: Callable[[int], None] = lambda records: None
    applied: Callable[[int, int], None] = lambda records, of: None


def begin(service: Service, source: Source, name: str, *, again: bool) -> tuple[ImportRecord, bool]:
    """The import to run, and whether it is one that was broken off.

    Raises
    ------
    UserError
        The same content was imported before, and nobody said ``again``.
    """
    known = service.imports.imports_of(source.content_hash)
    for record in known:
        if not record.finished:
            return record, True
    if known and not again:
        last = known[-1]
        day = time.strftime("%Y-%m-%d", time.localtime(last.begun_ms / 1000))
        raise UserError(
            f"{name} was imported already, on {day} (as {last.name})",
            "with --again it is sent once more: repeats of events are dropped, as far as they are remembered",
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


class Import:
    """One run of an import.

    Parameters
    ----------
    per_second
        Records a second at most; None for as fast as it goes.
    """

    def __init__(
        self,
        service: Service,
        source: Source,
        record: ImportRecord,
        told: Told | None = None,
        per_second: float | None = None,
    ) -> None:
        self.service = service
        self.source = source
        self.record = record
        self.told = told or Told()
        self.per_second = per_second
        self.too_long = 0
        self._begun = time.monotonic()
        self._workers: supervise.Workers | None = None

    def run(self, resumed: bool) -> Result:
        """Write, wait until all is applied, and tell what came of it.

        Raises
        ------
        UserError
            Workers of our own cannot run.
        TransientError
            Kafka did not take a record.
        """
        with ExitStack() as stack:
            if not member_count(self.service.kafka.bootstrap, self.service.kafka.group, security=self._security):
                self._start_workers(stack)
            sent = asyncio.run(self._write(resumed))
            self.too_long = sent.too_long
            ledgers = self._await_applied(stack, sent.ends)
        self.record.finished = True
        self.service.imports.remember(self.record)
        result = result_of(self.record.before or totals([]), totals(ledgers), self.source, self._seconds)
        if sent.too_long:
            result.skipped["too_long"] = result.skipped.get("too_long", 0) + sent.too_long
        return result

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    @property
    def _security(self) -> dict[str, object]:
        return dict(self.service.kafka.security)

    def _start_workers(self, stack: ExitStack) -> None:
        service = self.service
        self.told.say(f"no worker runs; starting one for this import (it writes to {service.log_path})")
        service.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._workers = stack.enter_context(
            supervise.workers(
                service.roles,
                service.arguments,
                env=service.environment,
                log_path=service.log_path,
                told=self.told.say,
            )
        )

    async def _write(self, resumed: bool) -> Sent:
        service, record = self.service, self.record
        skip: dict[int, int] = {}
        if resumed:
            self.told.say("looking for what was written already")
            skip = await import_writer.count_written(
                service.kafka, record.import_id, record.starts, range(service.lanes)
            )
        records = feed(
            self.source,
            record.import_id,
            service.grid,
            latest=time.time_ns() // 1_000_000,
            control_key=service.control_key,
        )
        return await import_writer.write(
            records,
            service.kafka,
            service.lanes,
            skip=skip,
            per_second=self.per_second,
            on_sent=self.told.written,
        )

    def _await_applied(self, stack: ExitStack, ends: dict[int, int]) -> list[Ledger]:
        """The ledgers, once the lanes have read up to ``ends`` and nobody is due any more."""
        starts = self.record.starts
        whole = sum(end - starts.get(lane, 0) for lane, end in ends.items())
        seen, since = -1, time.monotonic()
        while True:
            ledgers = self.service.view.ledgers()
            done = sum(
                max(0, min(one.next_offset, ends.get(one.partition, 0)) - starts.get(one.partition, 0))
                for one in ledgers
            )
            self.told.applied(done, whole)
            arrived = {one.partition for one in ledgers if one.next_offset >= ends.get(one.partition, 0)}
            # Time has passed for many at the end: a lane takes them in portions.
            if arrived >= ends.keys() and not self.service.imports.dues_waiting(ledgers):
                return ledgers
            self._see_to_workers()
            if done > seen:
                seen, since = done, time.monotonic()
            elif time.monotonic() - since > _STALLED_SECONDS:
                since = time.monotonic()
                self._help(stack)
            time.sleep(_POLL_SECONDS)

    def _see_to_workers(self) -> None:
        if self._workers is not None and not self._workers.alive:
            raise UserError(
                f"the worker for this import cannot run:\n{self._workers.log_tail()}", "mend that, and import again"
            )

    def _help(self, stack: ExitStack) -> None:
        """Nothing moves: those who read the lanes when we began may be gone."""
        if self._workers is None and not member_count(
            self.service.kafka.bootstrap, self.service.kafka.group, security=self._security
        ):
            self._start_workers(stack)
