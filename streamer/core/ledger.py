"""The ledger of a lane: where it stands. Written in every transaction, and the truth when a lane starts."""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

import msgspec

from schemas.errors import InvariantViolation


class ImportClock(msgspec.Struct):
    """An open import in this lane.

    Attributes
    ----------
    clock
        Its own clock, ms; None before the first.
    appended
        Its latest append time, ms.
    requested, learned
        The last day for which it asked the model owner to learn, and the last that the owner answered; -1 before.
    next_day
        The first day on which it has to ask again.
    """

    clock: int | None
    appended: int = msgspec.field(name="heard")
    requested: int = msgspec.field(default=-1, name="asked")
    learned: int = -1
    next_day: int = 0


class ModelEntry(msgspec.Struct):
    """Since when a model version is in force: the first grid day, by the lane's clock and by each import's."""

    version: int
    day: int
    import_days: dict[str, int]


class DefinitionsVersion(msgspec.Struct):
    """Since when a version of the declared segmentations is in force: ms, by the lane's clock and by each import's."""

    version: int
    at: int
    imports: dict[str, int]

    def at_for(self, clock_id: str | None) -> int:
        """The instant for customers who live by a clock: an import's, or the lane's (None)."""
        return self.at if clock_id is None else self.imports.get(clock_id, self.at)


class Guests(msgspec.Struct, frozen=True):
    """Orders and refunds that name no customer, and so are in no other figure.

    Attributes
    ----------
    money
        Orders less refunds by currency, in its minor units.
    latest
        Digests (hex) of the latest of them, by which repeats are known.
    """

    orders: int = 0
    refunds: int = 0
    money: dict[str, int] = {}
    latest: list[str] = []


MAX_TRACKED = 50
"""Names of events of the shop's own that are counted apart, beside those that rules ask for."""
OTHERS = "~rest"


class Ledger(msgspec.Struct):
    """Counters are exact over crashes, since they change in the transaction of what they count.

    Attributes
    ----------
    lane
        Random name of this incarnation of the changelog; guards against a view of another one.
    next_offset
        The first record of the lane that is not yet decided.
    clock
        The lane's clock, ms; 0 before the first record.
    appended
        Latest append time seen, ms.
    consumed, applied, duplicates, rerouted, dead_letters, control
        ``consumed = applied + duplicates + sum(dead_letters) + rerouted + sum(control)``.
    sizes
        Customers by segmentation and segment.
    timeline
        Model versions and since when they are in force.
    definitions_versions
        Versions of the declared segmentations that control records brought; before them the policy's is in force.
    behind
        Customers that were not yet brought to the newest of them.
    fields_ignored
        Fields that were left out of events, or taken for granted, because they broke the contract.
    tracked
        Events of the shop's own by name; beyond `MAX_TRACKED` names the rest is counted together.
    closed
        The imports that ended last; they cannot be opened again, since their customers live by the lane's clock.
    signed_from
        Append time (ms) from which on control records must be signed; None in a ledger of release 0.1.
    numbers
        By writer of signed control records, the number of the last one.
    predictions
        Versions of the predictions and since when they are in force; before them the shipped one is.
    guests
        Orders and refunds of guests; None before the first.
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
        """The ledger of a lane that has never run."""
        return cls(lane=uuid4().hex, partition=partition)

    @property
    def unaccounted(self) -> int:
        """Records consumed and not accounted for: always 0."""
        known = self.applied + self.duplicates + self.rerouted
        return self.consumed - known - sum(self.dead_letters.values()) - sum(self.control.values())

    def clock_of(self, clock_id: str | None) -> int:
        """The clock that a customer lives by: of an open import, else the lane's."""
        if clock_id is not None and (opened := self.imports.get(clock_id)) is not None:
            return opened.clock or 0
        return self.clock


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Ledger).decode


def dump(ledger: Ledger) -> bytes:
    return _encode(ledger)


def load(raw: bytes) -> Ledger:
    """Raises InvariantViolation if the bytes are no ledger."""
    try:
        return _decode(raw)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"the ledger cannot be read: {error}") from error


def tracked_name(ledger: Ledger, name: str, requested: Collection[str] = ()) -> str:
    """Count an event of the shop's own; gives the name under which it is counted: its own where a rule names it."""
    tracked = ledger.tracked
    if name not in tracked and len(tracked) >= MAX_TRACKED and name not in requested:
        name = OTHERS
    tracked[name] = tracked.get(name, 0) + 1
    return name


def bump(counts: dict[str, int], name: str, by: int = 1) -> None:
    """Add to a counter by name; a counter at zero is dropped."""
    value = counts.get(name, 0) + by
    if value:
        counts[name] = value
    else:
        counts.pop(name, None)
