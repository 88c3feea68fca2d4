"""Drop events that repeat others of the same file, and count the money they would have added."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from models.messages.translatable import Translatable, translatable
from schemas.money import EXPONENTS
from streamer.sources.bodies import FROM_CONTENT

_SEVERAL: Final = "SELECT name FROM events WHERE name <> '' GROUP BY name HAVING count(DISTINCT id) > 1"
# Each order repeats its customer's address, so an address equal to the previous one in time is not a change.
_KNOWN: Final = (
    "SELECT rowid FROM (SELECT rowid, same, lag(same) OVER (PARTITION BY key ORDER BY at, line, rowid) AS before "
    "FROM events WHERE same <> '') WHERE same = before"
)
_REPEATS: Final = "rowid NOT IN (SELECT min(rowid) FROM events GROUP BY key, id)"


def drop_different(database: sqlite3.Connection, refuse: Callable[[int, str], object]) -> None:
    """Drop all orders that share an id but not their content.

    ``refuse`` is called with the line and cells of each.
    """
    database.execute("CREATE INDEX by_name ON events (name, id)")
    lines = database.execute(f"SELECT line FROM events WHERE name IN ({_SEVERAL}) ORDER BY line").fetchall()
    for (line,) in lines:
        refuse(line, database.execute("SELECT cells FROM rows WHERE line = ? LIMIT 1", (line,)).fetchone()[0])
    database.execute(f"DELETE FROM events WHERE name IN ({_SEVERAL})")


def drop_repeats(database: sqlite3.Connection, repeated: Callable[[int], object]) -> Iterator[Translatable]:
    """Keep one of several identical events; ``repeated`` is called with the line of each of the others.

    Yields notes with the money of the dropped orders, because a shop may have sold the same thing twice on one day.
    """
    database.execute(f"DELETE FROM events WHERE rowid IN ({_KNOWN})")
    rows = {"file note repeats": 0, "file note repeated ids": 0}
    money: dict[str, dict[str, Decimal]] = {note: {} for note in rows}
    for line, name, value in database.execute(f"SELECT line, name, value FROM events WHERE {_REPEATS}").fetchall():
        repeated(line)
        if name:
            body = json.loads(value)
            note = "file note repeats" if body["order_id"].startswith(FROM_CONTENT) else "file note repeated ids"
            rows[note] += 1
            currency = body.get("currency", "")
            sums = money[note]
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(str(body.get("total", 0)))
    database.execute(f"DELETE FROM events WHERE {_REPEATS}")
    for note, count in rows.items():
        if count:
            sums = money[note]
            yield translatable(note, rows=count, money=", ".join(_shown(*one) for one in sorted(sums.items())))


def _shown(currency: str, amount: Decimal) -> str:
    return f"{amount:,.{EXPONENTS.get(currency, 2)}f} {currency}".strip()
