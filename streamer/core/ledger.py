"""The ledger of a lane: its position, clock and counters. Written in every transaction; authoritative at startup."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

import msgspec

from schemas.errors import InvariantViolation


class ImportClock(msgspec.Struct):
    """The clock of an open import in this lane.

    Attributes
    ----------
    clock
        The import's own clock, ms; None before its first event.
    appended
        Its latest append time, ms.
    requested, learned
        Last day on which it requested learning from the model owner, and last day the owner answered; -1 before.
    next_day
        Next day on which it must request learning.
    """

    clock: int | None
    appended: int = msgspec.field(name="heard")
    requested: int = msgspec.field(default=-1, name="asked")
    learned: int = -1
    next_day: int = 0


class ModelEntry(msgspec.Struct):
    """The first grid day on which a model version is in force, by the lane's clock and by each import's."""

    version: int
    day: int
    import_days: dict[str, int]


class DefinitionsVersion(msgspec.Struct):
    """The instant (ms) from which a version of the segmentations is in force, by the lane's clock and each import's."""

    version: int
    at: int
    imports: dict[str, int]

    def at_for(self, clock_id: str | None) -> int:
        """Return the instant (ms) for customers on a clock: an import's, or the lane's (None)."""
        return self.at if clock_id is None else self.imports.get(clock_id, self.at)


class Guests(msgspec.Struct, frozen=True):
    """Orders and refunds without a customer; no other figure includes them.

    Attributes
    ----------
    money
        Orders less refunds by currency, in its minor units.
    latest
        Hex digests of the latest guest orders and refunds, to detect duplicates.
    """

    orders: int = 0
    refunds: int = 0
    money: dict[str, int] = {}
    latest: list[str] = []


MAX_TRACKED = 50
"""Maximum number of custom event names with a counter of their own, besides those that rules use."""
OTHERS = "~rest"


class Ledger(msgspec.Struct):
    """Position, clock and counters of a lane.

    Counters survive crashes exactly because they change in the transaction that they count.

    Attributes
    ----------
    lane
        Random name of this incarnation of the changelog; detects a view of another one.
    next_offset
        Offset of the first record not yet decided.
    clock
        The lane's clock, ms; 0 before the first record.
    appended
        Latest append time seen, ms.
    consumed, applied, duplicates, rerouted, dead_letters, control
        ``consumed = applied + duplicates + sum(dead_letters) + rerouted + sum(control)``.
    sizes
        Customers by segmentation and segment.
    timeline
        Model versions with the day from which each is in force.
    definitions_versions
        Versions of the declared segmentations from control records; before the first, the policy's applies.
    behind
        Number of customers not yet brought to the newest version of the definitions.
    fields_ignored
        Count of event fields dropped or defaulted because they broke the contract.
    tracked
        Custom events by name; names beyond `MAX_TRACKED` share one counter.
    closed
        The most recently ended imports. They cannot be reopened because their customers are on the lane's clock.
    signed_from
        Append time (ms) from which control records must be signed; None in a ledger of release 0.1.
    numbers
        Number of the last signed control record, by writer.
    predictions
        Prediction versions with the day from which each is in force; before the first, the shipped one applies.
    guests
        Guest orders and refunds; None before the first.
    """

    lane: str
    partition: int
    next_offset: int = 0
    clock: int = 0
    appended: int = 0
    imports: dict[str, ImportClock] = {}
    consumed: int = 0
    applied: int = 0
    duplicates: int = 0
    late: int = 0
    rerouted: int = 0
    dead_letters: dict[str, int] = {}
    control: dict[str, int] = {}
    orders: int = 0
    reversals: int = 0
    revenue_minor: int = 0
    customers: int = 0
    changes: dict[str, dict[str, int]] = {}
    sizes: dict[str, dict[str, int]] = {}
    timeline: list[ModelEntry] = []
    closed: list[str] = []
    tracked: dict[str, int] = {}
    fields_ignored: dict[str, int] = {}
    definitions_versions: list[DefinitionsVersion] = msgspec.field(name="editions", default_factory=list)
    behind: int = 0
    signed_from: int | None = None
    numbers: dict[str, int] = {}
    predictions: list[ModelEntry] = []
    guests: Guests | None = None

    @classmethod
    def fresh(cls, partition: int) -> Ledger:
        """Return the ledger of a lane that has never run."""
        return cls(lane=uuid4().hex, partition=partition)

    @property
    def unaccounted(self) -> int:
        """Number of records consumed but not accounted for; always 0."""
        known = self.applied + self.duplicates + self.rerouted
        return self.consumed - known - sum(self.dead_letters.values()) - sum(self.control.values())

    def clock_of(self, clock_id: str | None) -> int:
        """Return the clock (ms) of a customer: its import's while that is open, else the lane's."""
        if clock_id is not None and (opened := self.imports.get(clock_id)) is not None:
            return opened.clock or 0
        return self.clock


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Ledger).decode


def dump(ledger: Ledger) -> bytes:
    return _encode(ledger)


def load(raw: bytes) -> Ledger:
    """Decode a ledger. Raises InvariantViolation if the bytes are not one."""
    try:
        return _decode(raw)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"the ledger cannot be read: {error}") from error


def tracked_name(ledger: Ledger, name: str, requested: Collection[str] = ()) -> str:
    """Count a custom event and return the name it is counted under: its own if a rule uses that name."""
    tracked = ledger.tracked
    if name not in tracked and len(tracked) >= MAX_TRACKED and name not in requested:
        name = OTHERS
    tracked[name] = tracked.get(name, 0) + 1
    return name


def bump(counts: dict[str, int], name: str, by: int = 1) -> None:
    """Add to a named counter; remove it when it reaches zero."""
    value = counts.get(name, 0) + by
    if value:
        counts[name] = value
    else:
        counts.pop(name, None)
