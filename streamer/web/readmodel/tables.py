"""Define the tables, and open the file that contains them.

A file of another layout or service, or one that SQLite cannot read, is recreated: it holds nothing that the topics
lack.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

LAYOUT: Final = 2
"""Increase this whenever a table or the meaning of a column changes."""

_TABLES: Final = """
CREATE TABLE member (
    customer TEXT NOT NULL, segmentation TEXT NOT NULL, segment TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (customer, segmentation)
) WITHOUT ROWID;
CREATE INDEX member_by_since ON member (segmentation, segment, since, customer);
CREATE TABLE move (
    customer TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, segmentation TEXT NOT NULL,
    from_id TEXT, to_id TEXT, body BLOB NOT NULL,
    PRIMARY KEY (customer, seq)
) WITHOUT ROWID;
CREATE INDEX move_by_time ON move (at);
CREATE TABLE flow (
    day INTEGER NOT NULL, segmentation TEXT NOT NULL, from_id TEXT NOT NULL, to_id TEXT NOT NULL, cause TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (segmentation, day, from_id, to_id, cause)
) WITHOUT ROWID;
CREATE TABLE message (
    customer TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (customer, id, at, body)
) WITHOUT ROWID;
CREATE TABLE gone (customer BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE ended (customer BLOB NOT NULL PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE position (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to a file that `prepare` created; autocommit, for one thread at a time."""
    found = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    found.execute("PRAGMA synchronous = NORMAL")
    found.execute("PRAGMA cache_size = -32768")
    # Erased customers leave no bytes behind.
    found.execute("PRAGMA secure_delete = ON")
    return found


def prepare(path: Path, service: str) -> bool:
    """Create the file if there is none for this service, and return whether it is new.

    Parameters
    ----------
    service
        Name of the service whose topics are read, including its number of lanes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and _fits(path, service):
        return False
    remove(path)
    # Use another name until it is complete, so that a reader that finds the file also finds its tables.
    unfinished = path.with_name(f"{path.name}.unfinished")
    remove(unfinished)
    # Create it with its permissions rather than changing them afterwards, because it contains personal data.
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(connect(unfinished)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(_TABLES)
        meta = (("layout", LAYOUT), ("service", service), ("salt", secrets.token_bytes(16)))
        made.executemany("INSERT INTO meta VALUES (?, ?)", meta)
    # Closed, so that it includes its journal.
    unfinished.rename(path)
    return True


def remove(path: Path) -> None:
    """Delete the file and SQLite's auxiliary files."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _fits(path: Path, service: str) -> bool:
    try:
        with closing(connect(path)) as there:
            held = dict(there.execute("SELECT name, value FROM meta"))
    except sqlite3.DatabaseError:
        return False
    return held.get("layout") == LAYOUT and held.get("service") == service
