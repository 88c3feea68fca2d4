"""Open the read model: one writer, and readers beside it.

SQLite in WAL mode lets readers see the last commit while the writer continues. The writer's methods are for one thread;
a `Reader` is for one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.records import LogRecord
from streamer.web.readmodel import tables
from streamer.web.readmodel.writing import APPLY, Context

MOST_MOVES: Final = 2_000_000
KEPT_DAYS: Final = 400
_DAY_MS: Final = 86_400_000
_JOURNAL_PAGES: Final = 16_384
"""Pages of 4 KiB in the journal before they are moved to the file, between two `Writer.checkpoint`."""
Source = tuple[str, int]
"""Topic without prefix, and partition."""


class Writer:
    """Applies records, and stores the positions in the same transaction.

    Parameters
    ----------
    service
        Name of the service whose topics are read; another service's file is recreated.
    day_of
        Returns the day number of an instant in ms, in the shop's time zone.
    """

    def __init__(self, path: Path, service: str, day_of: Callable[[int], int]) -> None:
        self.path = path
        self.is_new = tables.prepare(path, service)
        self._db = tables.connect(path)
        # Rows arrive in any order of customers, so the same pages change repeatedly before they are moved.
        self._db.execute(f"PRAGMA wal_autocheckpoint = {_JOURNAL_PAGES}")
        self._file = path.stat().st_ino
        salt: bytes = self._db.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()[0]
        self._context = Context(day_of, salt)

    def positions(self) -> dict[Source, int]:
        """Return the next offset of each partition that was read."""
        rows = self._db.execute("SELECT topic, partition, next FROM position")
        return {(topic, partition): offset for topic, partition, offset in rows}

    def belongs_to(self, topics: Mapping[str, str]) -> bool:
        """Return whether the file contains records of these topics (ids by name), and remember the ids of new topics.

        A broker that has just started may omit topics, which then prove nothing.
        """
        given = {f"topic {name}": id for name, id in topics.items()}
        with _transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", given.items())
            held = dict(self._db.execute("SELECT name, value FROM meta"))
        return all(held[name] == id for name, id in given.items())

    def apply(self, fetched: Iterable[tuple[Source, Sequence[LogRecord], int]]) -> None:
        """Apply records, and store the offsets after them.

        Raises
        ------
        sqlite3.Error
            Nothing was applied, for example because the disk is full.
        OSError
            The file was deleted.
        """
        if self.path.stat().st_ino != self._file:
            raise FileNotFoundError(f"{self.path} is another file now")
        with _transaction(self._db):
            for (topic, partition), records, end in fetched:
                APPLY[topic](self._db, self._context, records)
                self._db.execute("INSERT OR REPLACE INTO position VALUES (?, ?, ?)", (topic, partition, end))

    def prune(self) -> None:
        """Delete moves and messages `KEPT_DAYS` older than the newest, and the oldest moves above `MOST_MOVES`.

        The age is relative to the newest rather than to the present, because a shop that imported older years examines
        those.
        """
        with _transaction(self._db):
            above = self._db.execute("SELECT at FROM move ORDER BY at DESC LIMIT 1 OFFSET ?", (MOST_MOVES,)).fetchone()
            oldest = self._oldest("move")
            self._db.execute("DELETE FROM flow WHERE day < ?", (self._context.day_of(oldest),))
            self._db.execute("DELETE FROM move WHERE at < ?", (oldest if above is None else max(oldest, above[0] + 1),))
            self._db.execute("DELETE FROM message WHERE at < ?", (self._oldest("message"),))

    def _oldest(self, table: str) -> int:
        """Return the instant (ms) from which a table keeps its rows."""
        (newest,) = self._db.execute(f"SELECT MAX(at) FROM {table}").fetchone()
        return 0 if newest is None else int(newest) - KEPT_DAYS * _DAY_MS

    def checkpoint(self) -> None:
        """Move committed data from the journal to the file, so that no deleted data remains in the journal."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._db.close()


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
