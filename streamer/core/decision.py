"""The result of ``decide``: plain values that the lane turns into records."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from models.behaviour.model import ClusterModel
from models.behaviour.panel import PanelRow, panel_rank
from models.customer.customer import Customer
from models.prediction.model import PredictionModel
from models.rules.assign import Reason
from schemas.changes import Cause
from schemas.records import Headers, LogRecord
from schemas.signing import Seal
from schemas.tracing import traceparent


class Erased(msgspec.Struct, array_like=True, frozen=True):
    """An erase of all events up to ``at``, from a record appended at ``appended`` (both ms)."""

    at: int
    appended: int


class ImportNotice(msgspec.Struct, frozen=True):
    """A lane's report to the model owner: an import requests learning, or has ended.

    Attributes
    ----------
    day
        The day to learn on, as in `schemas.control.ControlLearn`; the import's last day if ``closed``.
    customers
        Customers of this lane. The owner derives the panel's sampling rate from the sum over lanes.
    """

    import_id: str
    lane: int
    day: int
    customers: int
    closed: bool = False


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """The record that caused a change; None if time caused it. ``traceparent`` is the record's, if it has one."""

    event_id: str
    type: str
    partition: int
    offset: int
    traceparent: bytes | None = None


def trigger_of(event_id: str, type: str, record: LogRecord) -> Trigger:
    """Return the record as the trigger of the changes it causes."""
    return Trigger(event_id, type, record.partition, record.offset, traceparent(record))


class Change(msgspec.Struct, frozen=True):
    """A customer's move between segments. ``seq`` has no gaps within a customer; times are ms."""

    customer_id: str
    born: tuple[int, int]
    seq: int
    segmentation: str
    before: str | None
    after: str | None
    cause: Cause
    automation_safe: bool
    changed_at: int
    trigger: Trigger | None
    kind: str
    version: int
    confidence: float | None
    next_move: tuple[str, int] | None
    reasons: tuple[Reason, ...]
    features: dict[str, float]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record, with its reason and its original bytes."""

    record: LogRecord
    stage: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Rerouted:
    """A record for a lane's partition of the input topic. The lane signs those with a ``seal``."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    seal: Seal | None = None


@dataclass(slots=True)
class Decision:
    """Everything one call of ``decide`` decided.

    Attributes
    ----------
    touched
        Customers whose state must be written, by id.
    born
        Ids among them that had no state before.
    new_day
        Whether a clock passed a grid point, so that customers outside memory must be checked too.
    changes, dead_letters, rerouted
        In the order of the decisions.
    models, predictions
        Cluster models and prediction models first seen in this batch, by version; kept in the changelog.
    definitions
        Declared segmentations first seen in this batch, by version: the text of the file.
    erased
        Ids whose state must be deleted. An id that is also in ``touched`` came back as a new customer.
    marks
        Erases to remember, by hash of the id; None for those to forget.
    panel, panel_shift
        Memories of the customers that the model owner learns from, in order; one customer in 2**panel_shift. An empty
        memory means that the owner must forget the customer.
    notices
        Requests of imports to the model owner, which reads them after the rows.
    """

    touched: dict[str, Customer] = field(default_factory=dict)
    born: set[str] = field(default_factory=set)
    new_day: bool = False
    changes: list[Change] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    rerouted: list[Rerouted] = field(default_factory=list)
    models: dict[int, ClusterModel] = field(default_factory=dict)
    definitions: dict[int, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    marks: dict[str, Erased | None] = field(default_factory=dict)
    panel: list[PanelRow] = field(default_factory=list)
    panel_shift: int = 0
    notices: list[ImportNotice] = field(default_factory=list)
    predictions: dict[int, PredictionModel] = field(default_factory=dict)

    def erase(self, id: str) -> None:
        """Drop a customer's pending writes and delete its stored state."""
        self.touched.pop(id, None)
        self.born.discard(id)
        self.erased.add(id)

    def thin_panel(self, shift: int) -> None:
        """Thin the panel to one customer in 2**shift, unless it is that sparse already."""
        if shift > self.panel_shift:
            self.panel = [row for row in self.panel if not row.blob or panel_rank(row.customer) >= shift]
            self.panel_shift = shift

    def absorb(self, later: Decision) -> None:
        """Append the next decision, so that one transaction writes both."""
        for id in later.erased:
            self.erase(id)
        self.touched.update(later.touched)
        self.marks.update(later.marks)
        self.born |= later.born
        self.new_day |= later.new_day
        self.changes += later.changes
        self.dead_letters += later.dead_letters
        self.rerouted += later.rerouted
        self.models.update(later.models)
        self.predictions.update(later.predictions)
        self.definitions.update(later.definitions)
        self.thin_panel(later.panel_shift)
        self.panel += later.panel
        self.notices += later.notices
