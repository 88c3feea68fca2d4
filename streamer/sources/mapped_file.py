"""Read any table or JSON file as events, by a mapping: the source behind ``--mapping``.

Rows of one order are grouped wherever they are, in this file or a joined one, and events are sorted by time, because
shops export the newest first. Both use an SQLite database on disk, deleted after the iteration, so the file may exceed
memory. Conventions that a single row cannot show (decimal comma, order of day and month) are derived from all rows
first.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from models.messages import Language, messages
from models.messages.translatable import in_language, translatable
from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.ids import NOBODY
from schemas.wire_time import epoch_ms
from streamer.sources.bodies import Bodies, Numbered, Refused, shared_by
from streamer.sources.faults import contract_fault
from streamer.sources.files import content_hash
from streamer.sources.guests import Guests
from streamer.sources.habits import Habits
from streamer.sources.joins import notes_of, open_tables
from streamer.sources.mapping import EventMapping, TableMapping
from streamer.sources.rejects import Rejects, RejectsPath
from streamer.sources.repeats import drop_different, drop_repeats
from streamer.sources.rows import Row
from streamer.sources.source import SourceEvent
from streamer.sources.times import Times
from streamer.sources.values import Values

_BATCH: Final = 1_000
LEFT_OUT: Final = "left_out"
"""Reason for a valid row without an event: the mapping excludes it."""
REPEATED: Final = "repeated"
"""Reason for a row without an event: another row of the file is exactly the same event."""

_GUESTS: Final = frozenset(("nobody", "no_customer"))

Made = tuple[int, int, str, str, bytes, bytes, str]
"""An event's time, line, event id, order key, record key and value, and the profile that other rows may repeat."""


class MappedFile:
    """A source of events from a file, plain or gzipped, by a mapping.

    A group of rows becomes events as a whole or not at all: one faulty row rejects the group. Rejected rows are
    counted in ``skipped`` by reason (``bad_value``, ``bad_date``, ``invalid_field``, ``nobody`` ...) and written to
    ``rejects``; rows that the mapping excludes are counted as ``left_out``. Event ids are functions of the content, so
    the same file and mapping yield the same events.

    Parameters
    ----------
    zone
        The shop's time zone, for times without an offset if the mapping names none.
    currency
        The shop's currency, for amounts for which no column or mapping names one.
    rejects
        Destination of rejected rows: line of the input, reason, message, then the unchanged row. The file is created
        with the first row and ends with the input's own columns, so that it can be corrected and imported.
    nobody
        Placeholder ids, in lower case, that do not identify a customer.
    now_ms
        Current time, epoch ms; later rows are rejected. None for no limit.
    progress
        Called at intervals with the rows read and the share of the work done (None if unknown).
    language
        Language of the messages in ``rejects``.

    Raises
    ------
    UserError
        A column of the mapping is missing from the file's header.
    """

    def __init__(
        self,
        path: Path,
        mapping: TableMapping,
        *,
        zone: str = "UTC",
        currency: str = "EUR",
        rejects: RejectsPath | None = None,
        nobody: frozenset[str] = NOBODY,
        now_ms: int | None = None,
        progress: Callable[[int, float | None], None] = lambda rows, share: None,
        language: Language = "en",
    ) -> None:
        self.path = path
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()
        self.rejected = 0
        self.guests = Guests()
        """Guest orders found by the last read."""
        self.rejects = rejects
        self.expected: int | None = None
        """Total number of events, known once all rows are read."""
        self.mapping = self._mapping = mapping
        self.on_refused: Callable[[int, str], object] = lambda line, reason: None
        """Called with the line of each rejected or repeated row and the reason."""
        self._odd_traits: Counter[str] = Counter()
        self._has_more_than_profiles = any(event.type != "profile.updated" for event in mapping.event)
        self._zone = mapping.timezone or zone
        self.currency = mapping.currency or currency
        """Currency of amounts for which no column names one."""
        self._nobody = nobody
        self._now = now_ms
        self._progress = progress
        self._texts = messages(language)
        self._source, self.joins = open_tables(path, mapping)
        self.table = self._source
        self.notes: list[str] = list(self._source.notes)
        # Events with the same grouping share their units and each other's rows.
        groups = dict.fromkeys(event.group or mapping.group for event in mapping.event)
        self._scopes = [
            (group, tuple(event for event in mapping.event if (event.group or mapping.group) == group))
            for group in groups
        ]

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of the uncompressed files and of everything that determines how they are read."""
        # Hash only explicit settings of a mapping, so that new options do not change the hash.
        return self._hash(self._mapping.model_dump(mode="json", exclude_defaults=True))

    @cached_property
    def former_hashes(self) -> tuple[str, ...]:
        """Return the `content_hash` that older releases computed for this content."""
        return tuple(map(self._hash, self._mapping.former_dumps()))

    def _hash(self, mapping: dict[str, Any]) -> str:
        joined = [] if self.joins is None else self.joins.content_hashes
        how = [mapping, self._zone, self.currency, *joined]
        return hashlib.sha256((self._bytes_hash + json.dumps(how, sort_keys=True)).encode()).hexdigest()

    @cached_property
    def _bytes_hash(self) -> str:
        return content_hash(self.path)

    def events(self) -> Iterator[SourceEvent]:
        """Yield the events by time, then file order. Raises UserError, as `numbered` does."""
        return (event for _, event in self.numbered())

    def numbered(self) -> Iterator[tuple[int, SourceEvent]]:
        """Yield the events by time, each with the line on which the first row of its group begins.

        Raises
        ------
        UserError
            The file is damaged, or the rejects cannot be written.
        """
        self.rows, self.skipped, self.rejected, self.guests = 0, Counter(), 0, Guests()
        self._odd_traits.clear()
        # With an empty name, SQLite creates a private file that it deletes itself.
        with closing(sqlite3.connect("")) as database, Rejects(self.rejects, self._source.header) as rejects:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("CREATE TABLE rows (scope INTEGER, unit, line INTEGER, cells)")
            database.execute("CREATE TABLE events (at INTEGER, line INTEGER, id, name, key, value, same)")
            habits = Habits(self._mapping, self.currency)
            if self.joins is not None:
                self.joins.begin()
            for batch in _batches(self._units(rejects, habits)):
                database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", batch)
            bodies = self._bodies(habits)
            joined = [] if self.joins is None else notes_of(self.joins)
            self.notes = [*self._source.notes, *joined, *habits.notes()]
            done = 0
            for batch in _batches(self._made(database, bodies, rejects)):
                database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", batch)
                done += len(batch)
                self._progress(self.rows, 0.5 + 0.5 * min(1.0, done / max(self.rows, 1)))
            if bodies.values.from_sheets:
                self.notes.append(translatable("file note ids"))
            for own, count in sorted(bodies.values.other_signs.items()):
                self.notes.append(translatable("file note signs", count=count, own=own))
            if self._odd_traits:
                counts = ", ".join(f"{name} {count:,}" for name, count in sorted(self._odd_traits.items()))
                self.notes.append(translatable("file note traits", counts=counts))
            self._drop_repeats(database, rejects)
            self.expected = database.execute("SELECT count(*) FROM events").fetchone()[0]
            made = database.execute("SELECT line, at, key, value FROM events ORDER BY at, line, rowid")
            for line, at, key, value in made:
                yield line, SourceEvent(at, key, value)

    def sample(self, rows: int) -> Iterator[SourceEvent]:
        """Yield the events of the first ``rows`` usable rows, unordered: a preview before reading and sorting all.

        Nothing is counted or written to the rejects. An order's rows further down are missing.
        """
        units: dict[tuple[int, str], list[Numbered]] = {}
        habits = Habits(self._mapping, self.currency)
        for scope, unit, line, text in itertools.islice(self._units(Rejects(None, ()), habits), rows):
            units.setdefault((scope, unit), []).append((line, json.loads(text)))
        self.rows, self.skipped, self.rejected = None, Counter(), 0
        bodies, signs = self._bodies(habits), _signs()
        for (scope, _), found in units.items():
            try:
                for event in self._unit(scope, self._cells(scope, found, signs), bodies):
                    yield SourceEvent(event[0], event[4], event[5])
            except Refused:
                continue

    def _read_share(self) -> float | None:
        """Return the share of the work done; reading rows and making events each take about half of the time."""
        share = self._source.position.share
        return None if share is None else share / 2

    def _bodies(self, habits: Habits) -> Bodies:
        times = Times(self._mapping.dates, ZoneInfo(self._zone), self._now)
        times.day_first, times.short_years = habits.day_first, habits.short_years
        values = Values(times, habits.decimal)
        return Bodies(self._mapping, values, self.currency, self._nobody, habits.is_number)

    # -- reading ----------------------------------------------------------------------------------------------

    def _units(self, rejects: Rejects, habits: Habits) -> Iterator[tuple[int, str, int, str]]:
        """Yield every usable row with its unit: the text of its group, or its own line."""
        signs = _signs()
        for row in self._source.rows():
            self.rows = (self.rows or 0) + 1
            if self.rows % 10_000 == 0:
                self._progress(self.rows, self._read_share())
            if row.fault is not None:
                self._refuse(rejects, row, *row.fault)
                continue
            named = self._beside(row.cells)
            scopes = list(self._wanted_in(named[0], signs))
            units = [
                (scope, unit) for scope in scopes if (unit := self._unit_of(scope, row.line, named[0])) is not None
            ]
            if units:
                for cells in named:
                    habits.see(cells)
                text = json.dumps(row.cells)
                for scope, unit in units:
                    yield scope, unit, row.line, text
            elif scopes:
                missing = " or ".join(dict.fromkeys(name for group, _ in self._scopes for name in group))
                self._refuse(rejects, row, "no_group", translatable("file no group", names=missing))
            else:
                self.skipped[LEFT_OUT] += 1

    def _wanted_in(self, named: Mapping[str, str], signs: Values) -> Iterator[int]:
        """Yield the scopes that accept a row. A single scope accepts every row, because another row of its group may match."""
        for scope, (_, events) in enumerate(self._scopes):
            if len(self._scopes) == 1 or any(event.conditions.hold(named, signs.sign) for event in events):
                yield scope

    def _unit_of(self, scope: int, line: int, named: Mapping[str, str]) -> str | None:
        group = self._scopes[scope][0]
        if not group:
            return str(line)
        parts = [named.get(name, "") for name in group]
        return "\x1f".join(parts) if all(parts) else None

    def _beside(self, cells: Sequence[str]) -> Sequence[Mapping[str, str]]:
        """Return a row and the separate rows joined to it."""
        named = self._source.named(cells)
        return [named] if self.joins is None else self.joins.beside([named], mark=True)[0][0]

    def _cells(self, scope: int, rows: Sequence[tuple[int, Any]], signs: Values) -> list[Numbered]:
        """Return the rows of a unit, joined. Raises Refused."""
        named = [(line, self._source.named(cells)) for line, cells in rows]
        if self.joins is None:
            return named
        group, events = self._scopes[scope]
        found, missing = self.joins.beside([cells for _, cells in named], group)
        beside: list[Numbered] = [
            (line, cells) for (line, _), joined in zip(named, found, strict=True) for cells in joined
        ]
        if missing is not None:
            place, why = missing
            shared = shared_by([cells for _, cells in beside])
            # Excluded rows need no match.
            if any(event.conditions.hold(shared, signs.sign) for event in events):
                raise Refused("no_partner", why, named[place][0])
        return beside

    # -- making events ----------------------------------------------------------------------------------------

    def _made(self, database: sqlite3.Connection, bodies: Bodies, rejects: Rejects) -> Iterator[Made]:
        rows, signs = database.execute("SELECT scope, unit, line, cells FROM rows ORDER BY scope, unit, line"), _signs()
        for (scope, _), unit in itertools.groupby(rows, key=lambda row: row[:2]):
            cells = [(line, json.loads(text)) for _, _, line, text in unit]
            try:
                made = list(self._unit(scope, self._cells(scope, cells, signs), bodies))
            except Refused as refused:
                if refused.reason in _GUESTS:
                    self._guests(self._cells(scope, cells, signs), scope, bodies)
                for line, row in cells:
                    at_fault = refused.line in (None, line)
                    message = (
                        refused.message if at_fault else translatable("file same order refused", line=refused.line)
                    )
                    self._refuse(rejects, Row(line, row), refused.reason, message)
                continue
            if not made:
                self.skipped[LEFT_OUT] += len(cells)
            yield from made

    def _guests(self, rows: Sequence[Numbered], scope: int, bodies: Bodies) -> None:
        for body in bodies.of_guests(rows, self._scopes[scope][1]):
            name = bodies.name_of_guest(body)
            if not self.guests.knows(name):
                total, refund = Decimal(str(body["total"])), body["type"] != "order.completed"
                self.guests.add(name, total, body["currency"], refund=refund)

    def _unit(self, scope: int, rows: Sequence[Numbered], bodies: Bodies) -> Iterator[Made]:
        """Yield the events of one unit's rows. Raises Refused."""
        for mapping, body in bodies.of(rows, self._scopes[scope][1]):
            made = self._checked(body)
            if made is not None:
                key, value = made
                name, same = _order_name(mapping, body), _profile(body) if self._has_more_than_profiles else ""
                yield epoch_ms(body["occurred_at"]), rows[0][0], body["event_id"], name, key, value, same

    def _checked(self, body: dict[str, Any]) -> tuple[bytes, bytes] | None:
        """Return an event's key and value, or None for a profile without content. Raises Refused.

        Only an invalid contact detail is dropped; the order next to it is kept.
        """
        while True:
            value = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            try:
                return decode(None, value).partition_id().encode(), value
            except InvalidEvent as error:
                trait = (error.field or "").removeprefix("traits.")
                if body["type"] != "profile.updated" or trait not in body.get("traits", ()):
                    raise Refused(error.reason, contract_fault(error)) from None
                self._odd_traits[trait] += 1
                body["traits"] = {name: value for name, value in body["traits"].items() if name != trait}
                if not body["traits"]:
                    return None

    def _drop_repeats(self, database: sqlite3.Connection, rejects: Rejects) -> None:
        """Keep one of several identical events, and drop all of several different orders with one id."""
        message = translatable("file same order")
        drop_different(
            database, lambda line, cells: self._refuse(rejects, Row(line, json.loads(cells)), "same_order", message)
        )
        self.notes += drop_repeats(database, self._repeated)

    def _repeated(self, line: int) -> None:
        self.skipped[REPEATED] += 1
        self.on_refused(line, REPEATED)

    def _refuse(self, rejects: Rejects, row: Row, reason: str, message: str) -> None:
        self.skipped[reason] += 1
        self.on_refused(row.line, reason)
        if reason != LEFT_OUT:
            self.rejected += 1
            rejects.write(row.line, row.cells, reason, str(in_language(message, self._texts)))


def _order_name(mapping: EventMapping, body: dict[str, Any]) -> str:
    """Return the name that only identical events may share, empty if there is none."""
    if body["type"] != "order.completed":
        return ""
    return f"{body['customer_id']}\0{body['order_id']}"


def _profile(body: dict[str, Any]) -> str:
    """Return a profile's content without its time; empty for other events."""
    return json.dumps(body["traits"], sort_keys=True) if body["type"] == "profile.updated" else ""


def _signs() -> Values:
    """Return values that read numbers for their sign."""
    return Values(Times((), ZoneInfo("UTC")))


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch
