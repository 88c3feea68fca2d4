"""What a lane notes in its view about itself: how often a batch was begun in vain, and why the lane stopped.

Advisory: no decision depends on it, and it is lost with the view. It shows the next owner that its predecessor died on
this batch, and people (``streamer lanes``, ``status``, ``doctor``) why a lane has stopped. Removing the note releases
the lane.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import msgspec

from streamer.lanes.ports import LaneView

_SECONDS: Final = 2.0
MAX_ATTEMPTS: Final = 3
"""Processes that may die with the same batch in hands before the lane stops."""


class Trouble(msgspec.Struct, frozen=True):
    """A lane that does not get on.

    Attributes
    ----------
    offset
        The first record that is not decided.
    attempts
        How often a process began with it and committed nothing.
    why, hint
        Why the lane stopped and what to do; empty while it has not.
    since
        When, ms.
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
    """The note as it was written; None for none, and for one that another version wrote."""
    try:
        return None if raw is None else _decode(raw)
    except msgspec.DecodeError:
        return None


class Quarantine:
    """Lets one lane of a process at a time begin a batch that a process may have died of.

    All lanes that had begun something when a process died are suspects. Were they to begin together again, the innocent
    ones would be stopped with the guilty one.
    """

    def __init__(self) -> None:
        self._held_by: Attempts | None = None
        self.begun: set[Attempts] = set()
        """Those that have begun a batch, and committed none yet."""

    def enter(self, suspect: Attempts) -> bool:
        """Whether this one may begin now."""
        if self._held_by is None:
            self._held_by = suspect
        return self._held_by is suspect

    def leave(self, suspect: Attempts) -> None:
        """It has committed, stopped, or gives the lane up."""
        if self._held_by is suspect:
            self._held_by = None


class Attempts:
    """Counts, over the lives of processes, how often one lane's next batch was begun and not committed."""

    def __init__(self, view: LaneView, quarantine: Quarantine) -> None:
        self._view = view
        self._quarantine = quarantine
        # From the first batch after the lane was opened to the first commit.
        self._proven = False
        self._begun = False
        # What was noted before this process began: how often others had begun in vain.
        self._before: bytes | None = None
        self._noted = b""

    async def reopened(self) -> Trouble | None:
        """The lane was opened (again); gives what its owner before noted."""
        self._proven = self._begun = False
        return load(await self._view.trouble())

    async def begin(self, offset: int) -> Trouble | bool:
        """A batch is about to be begun: whether it may be now; or why it must not be at all, if too many died of it."""
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
        """The batch was committed, or given back without harm."""
        if self._begun and not self._proven:
            await self._view.note_trouble(None)
            self._leave()
        self._proven = self._begun

    async def forgiven(self) -> None:
        """The process is about to end for another reason than a batch: what its lanes have begun does not count.

        It must not wait for a view that is away.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                for one in [*self._quarantine.begun]:
                    await one._forget()

    async def _forget(self) -> None:
        # A next owner may have noted something meanwhile.
        if await self._view.trouble() == self._noted:
            await self._view.note_trouble(self._before)

    async def given_up(self, trouble: Trouble) -> None:
        """The lane stops."""
        self._begun = False
        self._leave()
        await self._view.note_trouble(_encode(trouble))

    def _leave(self) -> None:
        self._quarantine.leave(self)
        self._quarantine.begun.discard(self)
