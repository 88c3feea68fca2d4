"""Store notes of a lane in its view: how many attempts at a batch failed, and why the lane stopped.

A note is advisory: no decision depends on it, and it is lost with the view. It tells the next owner that its
predecessor died on this batch, and operators (``streamer lanes``, ``status``, ``doctor``) why a lane stopped. Removing
the note releases the lane.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import msgspec

from streamer.lanes.ports import LaneView

_SECONDS: Final = 2.0
MAX_ATTEMPTS: Final = 3
"""Number of processes that may die during the same batch before the lane stops."""


class Trouble(msgspec.Struct, frozen=True):
    """A stuck or stopped lane.

    Attributes
    ----------
    offset
        Offset of the first undecided record.
    attempts
        Number of processes that began at this offset and committed nothing.
    why, hint
        Why the lane stopped and what to do; empty unless it stopped.
    since
        When the lane stopped, epoch ms.
    """

    offset: int
    attempts: int = 0
    why: str = ""
    hint: str = ""
    since: int = 0

    def __str__(self) -> str:
        return (
            f"at offset {self.offset}: {self.why}; {self.hint}" if self.hint else f"at offset {self.offset}: {self.why}"
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Trouble).decode


def load(raw: bytes | None) -> Trouble | None:
    """Decode a note. Return None if there is none or another version of the service wrote it."""
    try:
        return None if raw is None else _decode(raw)
    except msgspec.DecodeError:
        return None


class Quarantine:
    """Lets only one lane of a process at a time begin a batch that may have killed a process.

    Every lane that had a batch in progress when a process died is a suspect. If all began again together, the innocent
    lanes would be stopped with the guilty one.
    """

    def __init__(self) -> None:
        self._held_by: Attempts | None = None
        self.begun: set[Attempts] = set()
        """Lanes that have begun a batch and not yet committed one."""

    def enter(self, suspect: Attempts) -> bool:
        """Return whether this suspect may begin now."""
        if self._held_by is None:
            self._held_by = suspect
        return self._held_by is suspect

    def leave(self, suspect: Attempts) -> None:
        """Let the next suspect begin, because this one committed, stopped or gave up its lane."""
        if self._held_by is suspect:
            self._held_by = None


class Attempts:
    """Counts, across processes, how often a lane's next batch was begun but not committed."""

    def __init__(self, view: LaneView, quarantine: Quarantine) -> None:
        self._view = view
        self._quarantine = quarantine
        # Set by the first commit after the lane is opened.
        self._proven = False
        self._begun = False
        # The note before this process began: other processes' failed attempts.
        self._before: bytes | None = None
        self._noted = b""

    async def reopened(self) -> Trouble | None:
        """Reset after the lane was opened, and return the previous owner's note."""
        self._proven = self._begun = False
        return load(await self._view.trouble())

    async def begin(self, offset: int) -> Trouble | bool:
        """Record the start of a batch.

        Returns True if it may begin now, False if it must wait for another suspect, or the note if too many processes
        have died during it.
        """
        if self._proven or self._begun:
            return True
        raw = await self._view.trouble()
        noted = load(raw)
        before = noted.attempts if noted is not None and noted.offset == offset else 0
        if noted is not None and before >= MAX_ATTEMPTS:
            return noted
        if before and not self._quarantine.enter(self):
            return False
        self._begun, self._before = True, raw if before else None
        self._noted = _encode(Trouble(offset, before + 1))
        self._quarantine.begun.add(self)
        await self._view.note_trouble(self._noted)
        return True

    async def ended(self) -> None:
        """Clear the attempt: the batch was committed or returned unharmed."""
        if self._begun and not self._proven:
            await self._view.note_trouble(None)
            self._leave()
        self._proven = self._begun

    async def forgiven(self) -> None:
        """Do not count the batches of this process, which is about to end for another reason.

        Gives up soon if the view is unavailable.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                for one in [*self._quarantine.begun]:
                    await one._forget()

    async def _forget(self) -> None:
        # The next owner may already have left its own note.
        if await self._view.trouble() == self._noted:
            await self._view.note_trouble(self._before)

    async def given_up(self, trouble: Trouble) -> None:
        """Record that the lane stops."""
        self._begun = False
        self._leave()
        await self._view.note_trouble(_encode(trouble))

    def _leave(self) -> None:
        self._quarantine.leave(self)
        self._quarantine.begun.discard(self)
