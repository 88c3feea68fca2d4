"""Query the read model. Each query is one statement on an index, and sees the state of one commit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from streamer.queries.history import Journey, Moves
from streamer.web.readmodel import tables

Order = Literal["since", "id"]
_decode: Final = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Place:
    """A customer's place in a member list, where the next page continues."""

    since: int
    customer: str


class Reader:
    """Reads beside the writer; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._db = tables.connect(path)
        self._db.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._db.close()

    def members(
        self, segmentation: str, segment: str, *, after: Place | None = None, limit: int = 100, order: Order = "since"
    ) -> list[Place]:
        """Return a page of members after ``after``, newest first (``since``) or by id.

        A customer who stays in the segment appears exactly once over all pages, even if others come and go meanwhile,
        because the customer's place changes only by leaving and entering again.
        """
        if order == "since":
            segment_is = "segmentation = ? AND segment = ?"
            behind, how = "(since, customer) < (?, ?)", "since DESC, customer DESC"
            bound: tuple[Any, ...] = () if after is None else (after.since, after.customer)
        else:
            # The plus forces the primary key; the other index would sort the whole segment for every page.
            segment_is = "+segmentation = ? AND +segment = ?"
            behind, how = "customer > ?", "customer"
            bound = () if after is None else (after.customer,)
        where = f"{segment_is} AND {behind}" if bound else segment_is
        rows = self._db.execute(
            f"SELECT since, customer FROM member WHERE {where} ORDER BY {how} LIMIT ?",
            (segmentation, segment, *bound, limit),
        )
        return [Place(since, customer) for since, customer in rows]

    def all_members(self, segmentation: str, segment: str) -> Iterator[str]:
        """Yield the ids of all members, unordered."""
        rows = self._db.execute(
            "SELECT customer FROM member WHERE segmentation = ? AND segment = ?", (segmentation, segment)
        )
        return (customer for (customer,) in rows)

    def history(self, customer: str, *, before: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return a customer's latest moves, newest first, optionally only those before move number ``before``."""
        rows = self._db.execute(
            "SELECT seq, at, segmentation, body FROM move WHERE customer = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (customer, before if before is not None else 1 << 62, limit),
        )
        return [{"seq": seq, "at": at, "segmentation": name, **_decode(body)} for seq, at, name, body in rows]

    def messages(self, customer: str, limit: int = 1_000) -> list[dict[str, Any]]:
        """Return steps of the customer's messages, newest first."""
        rows = self._db.execute(
            "SELECT body FROM message WHERE customer = ? ORDER BY at DESC LIMIT ?", (customer, limit)
        )
        return [_decode(body) for (body,) in rows]

    def flows(self, segmentation: str, first_day: int, last_day: int) -> Iterator[Moves]:
        """Yield moves by day, source, target and cause, for an inclusive range of days."""
        rows = self._db.execute(
            "SELECT day, from_id, to_id, cause, n FROM flow WHERE segmentation = ? AND day BETWEEN ? AND ? "
            "ORDER BY day, from_id, to_id, cause",
            (segmentation, first_day, last_day),
        )
        return (Moves(*row) for row in rows)

    def journeys(self, segmentation: str, since: int) -> list[Journey]:
        """Return, for customers who moved since an instant (ms), their segment then and after the last move."""
        rows = self._db.execute(
            "WITH span AS (SELECT customer, MIN(seq) AS first, MAX(seq) AS last FROM move "
            "WHERE at >= ? AND segmentation = ? GROUP BY customer) "
            "SELECT IFNULL(one.from_id, ''), IFNULL(other.to_id, ''), COUNT(*) FROM span "
            "JOIN move AS one ON one.customer = span.customer AND one.seq = span.first "
            "JOIN move AS other ON other.customer = span.customer AND other.seq = span.last GROUP BY 1, 2",
            (since, segmentation),
        )
        return [Journey(*row) for row in rows]

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest moves of all customers, newest first."""
        rows = self._db.execute(
            "SELECT customer, at, segmentation, body FROM move ORDER BY at DESC, customer LIMIT ?", (limit,)
        )
        return [
            {"customer_id": customer, "at": at, "segmentation": of, **_decode(body)} for customer, at, of, body in rows
        ]

    def moves_on(self, day: int) -> int:
        """Return the number of moves between segments on a day."""
        found = self._db.execute("SELECT SUM(n) FROM flow WHERE day = ? AND from_id != '' AND to_id != ''", (day,))
        return int(found.fetchone()[0] or 0)

    def customers(self, beginning: str, limit: int = 20) -> list[str]:
        """Return ids that begin with a text, in order."""
        rows = self._db.execute(
            "SELECT DISTINCT customer FROM member WHERE customer >= ? AND customer < ? ORDER BY customer LIMIT ?",
            (beginning, beginning + "\U0010ffff", limit),
        )
        return [customer for (customer,) in rows]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return members by segmentation and segment. Reads all rows."""
        found: dict[str, dict[str, int]] = {}
        rows = self._db.execute("SELECT segmentation, segment, COUNT(*) FROM member GROUP BY segmentation, segment")
        for segmentation, segment, n in rows:
            found.setdefault(segmentation, {})[segment] = n
        return found
