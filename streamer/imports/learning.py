"""Let an import wait for the model owner on learning days, so that the same file yields the same clusters.

The protocol on a day on which the owner has work to do (the first day of data not before ``next_day``):

1. The import writes that day's clock to every lane, followed by ``control.learn``, and holds back the day's events.
2. Each lane decides everything up to this point and reports that to the owner in the panel topic
   (``decision.ImportNotice``), after the rows of all customers active before, in the transaction of the step.
3. Once all lanes have reported, the owner learns. One transaction writes its snapshot, the new version if there is one,
   and then ``control.learned``, with the next learning day, to every lane.
4. A lane notes the answer in its ledger. The import sees it there and continues, so in every lane the version precedes
   the day's first event, as in a replay.

A killed lane or owner has completed its step or done none of it, and resumes there. A resumed import reads the last
answer in the ledgers and continues from there. Asking twice is harmless, because before its next day the owner only
answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from schemas.control import ControlLearn
from schemas.signing import Seal
from streamer.adapters.group import member_count, owner_group
from streamer.core.ledger import Ledger
from streamer.imports.service import Service
from streamer.sources.import_records import Outgoing, control_record

PATIENCE_SECONDS = 30.0
"""Seconds that an import waits if no model owner is running."""
_POLL_SECONDS = 0.01


class Learning:
    """The learning requests of one import, and the wait for their answers.

    Parameters
    ----------
    read_ledgers
        Reads the ledgers and ensures that workers are running.
    """

    def __init__(
        self, service: Service, import_id: str, note: Callable[[str], None], read_ledgers: Callable[[], list[Ledger]]
    ) -> None:
        self._service = service
        self._import_id = import_id
        self._note = note
        self._read_ledgers = read_ledgers
        self._next_day = 0
        self._requested = -1

    def resume(self, ledgers: Iterable[Ledger]) -> None:
        """Continue after the last answer found in the ledgers."""
        known = [opened for ledger in ledgers if (opened := ledger.imports.get(self._import_id)) is not None]
        self._next_day = max((opened.next_day for opened in known), default=0)

    def questions(self, records: Iterable[Outgoing]) -> Iterator[Outgoing]:
        """Yield the records, with a learning request after the clock of each learning day."""
        for record in records:
            yield record
            if record.day is not None and record.seal is not None and record.day >= self._next_day:
                self._requested = record.day
                question = ControlLearn(import_id=self._import_id, day=record.day)
                yield control_record(question, Seal(record.seal.source, record.seal.number + 1))

    async def answered(self) -> bool:
        """Wait until the owner answers or none is running. Return whether a request was pending."""
        requested, self._requested = self._requested, -1
        if requested < 0:
            return False
        patience = _Patience()
        while True:
            ledgers = await asyncio.to_thread(self._read_ledgers)
            opened = [one for ledger in ledgers if (one := ledger.imports.get(self._import_id)) is not None]
            if any(one.learned >= requested for one in opened):
                self._next_day = max(one.next_day for one in opened)
                return True
            passed_on = len(opened) == self._service.lanes and all(one.requested >= requested for one in opened)
            if passed_on and patience.ends() and not await asyncio.to_thread(self._owner_runs):
                self._note(
                    f"no model owner has answered for {PATIENCE_SECONDS:.0f} s; going on without behaviour clusters "
                    "(`streamer worker` runs one, which learns them once the import has ended)"
                )
                self._next_day = _NEVER
                return True
            await asyncio.sleep(_POLL_SECONDS)

    def _owner_runs(self) -> bool:
        kafka = self._service.kafka
        return member_count(kafka.bootstrap, owner_group(kafka.group), security=kafka.security) > 0


_NEVER = 1 << 40


class _Patience:
    """A timeout that expires every ``PATIENCE_SECONDS``, counted from its first check."""

    def __init__(self) -> None:
        self._since = 0.0

    def ends(self) -> bool:
        now = time.monotonic()
        if not self._since:
            self._since = now
        if now - self._since < PATIENCE_SECONDS:
            return False
        self._since = now
        return True
