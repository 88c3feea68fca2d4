"""Keep the journal on disk: one file per owner, locked for as long as that owner lives.

A frozen owner keeps its lock, so its successor does not mistake a missing line for a call that never began while the
other may still wake up and call. A killed owner releases the lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import msgspec

from streamer.act.heart.settle import Answer
from streamer.act.ports import Begun

_SUFFIX = ".journal"


class _Line(msgspec.Struct, array_like=True):
    """One line: the start of a call, or its result."""

    id: str
    attempt: int
    answer: Answer | None = None


class FileJournal:
    """A `Journal` in a folder that outlives the process.

    Raises
    ------
    OSError
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.name = uuid4().hex
        self._file = os.open(self._path(self.name), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._recalled: dict[str, dict[tuple[str, int], Answer | None] | None] = {}
        self._turn = asyncio.Lock()
        self._waiting: list[bytes] = []

    async def begin(self, id: str, attempt: int) -> None:
        await self._write(_Line(id, attempt))

    async def answered(self, id: str, attempt: int, answer: Answer) -> None:
        await self._write(_Line(id, attempt, answer))

    async def _write(self, line: _Line) -> None:
        """Append and sync. Concurrent calls share one sync."""
        self._waiting.append(msgspec.json.encode(line) + b"\n")
        async with self._turn:
            lines, self._waiting = self._waiting, []
            if lines:
                await asyncio.to_thread(self._append, b"".join(lines))

    def _append(self, data: bytes) -> None:
        os.write(self._file, data)
        os.fdatasync(self._file)

    def recall(self, journal: str, id: str, attempt: int) -> tuple[Begun, Answer | None]:
        if journal not in self._recalled:
            self._recalled[journal] = self._read(journal)
        lines = self._recalled[journal]
        if lines is None:
            return "unknown", None
        if (id, attempt) not in lines:
            return "never", None
        answer = lines[id, attempt]
        return ("begun", None) if answer is None else ("answered", answer)

    def _read(self, journal: str) -> dict[tuple[str, int], Answer | None] | None:
        """Return all lines of a previous owner's journal.

        Returns None if the journal is on another machine or its owner may still be alive.
        """
        try:
            file = os.open(self._path(journal), os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found: dict[tuple[str, int], Answer | None] = {}
            with open(file, "rb", closefd=False) as lines:
                for raw in lines:
                    # The last line may be truncated. It was not synced, so its call was not made, or its answer is
                    # unknown.
                    with contextlib.suppress(msgspec.MsgspecError):
                        line = msgspec.json.decode(raw, type=_Line)
                        found[line.id, line.attempt] = line.answer
            return found
        except OSError:
            return None
        finally:
            os.close(file)

    def forget(self, journals: Iterable[str]) -> None:
        kept = {self.name, *journals}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.name.removesuffix(_SUFFIX) not in kept and self._read(path.name.removesuffix(_SUFFIX)) is not None:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    def _path(self, journal: str) -> Path:
        return self._folder / f"{journal}{_SUFFIX}"
