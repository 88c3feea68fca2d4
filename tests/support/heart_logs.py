"""Build lane logs for tests: events as bytes, records with offsets and append times, and a driver of `decide`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.behaviour.model import ClusterModel
from models.customer import snapshot
from models.customer.customer import Customer
from models.prediction.model import PredictionModel
from schemas.control import (
    IMPORT_HEADER,
    Control,
    ControlClock,
    ControlDefinitions,
    ControlImport,
    ControlModel,
    control_headers,
    encode_control,
)
from schemas.records import Headers, Record
from schemas.wire_time import epoch_ms, iso
from streamer.core.decide import decide
from streamer.core.decision import Change, DeadLetter, Decision, Rerouted
from streamer.core.decode import decode_records, subject
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick

SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
T0 = epoch_ms("2025-03-01T00:00:00Z")
"""A grid point (UTC)."""


def event(type: str, event_id: str, customer: str, at: int, **fields: Any) -> bytes:
    """Return any event as a bare JSON body."""
    body = {"event_id": event_id, "type": type, "customer_id": customer, "occurred_at": iso(at), **fields}
    return json.dumps(body).encode()


def order(event_id: str, customer: str, at: int, total: float, order_id: str | None = None, **fields: Any) -> bytes:
    """Return an order in EUR, whose id is the event's by default."""
    body = {"order_id": order_id or f"o-{event_id}", "total": total, "currency": "EUR", **fields}
    return event("order.completed", event_id, customer, at, **body)


def reversal(
    event_id: str, customer: str, at: int, order_id: str | None = None, total: float | None = None, **fields: Any
) -> bytes:
    """Return a cancellation (without a total) or a refund."""
    body: dict[str, Any] = {"refund_id": f"r-{event_id}", **fields}
    if order_id is not None:
        body["order_id"] = order_id
    if total is not None:
        body["total"] = total
    return event("order.cancelled" if total is None else "order.refunded", event_id, customer, at, **body)


def view(event_id: str, customer: str, at: int, kind: str = "product.viewed", **fields: Any) -> bytes:
    """Return an interaction."""
    return event(kind, event_id, customer, at, **fields)


@dataclass
class LogMaker:
    """Appends records to one lane's log. Append time never goes back."""

    partition: int = 0
    now: int = T0
    records: list[Record] = field(default_factory=list)

    def put(
        self, key: bytes | None, value: bytes | None, headers: Headers = (), *, gap: int = 0, now: int | None = None
    ) -> Record:
        if now is not None:
            self.now = max(self.now, now)
        offset = (self.records[-1].offset + 1 if self.records else 0) + gap
        record = Record(self.partition, offset, self.now, key, value, tuple(headers))
        self.records.append(record)
        return record

    def event(self, value: bytes, *, now: int | None = None, import_id: str | None = None, gap: int = 0) -> Record:
        """Append an event under its own customer's key."""
        headers = [] if import_id is None else [(IMPORT_HEADER, import_id.encode())]
        body = json.loads(value)
        return self.put(body.get("anonymous_id", body["customer_id"]).encode(), value, headers, now=now, gap=gap)

    def control(self, control: Control, *, now: int | None = None) -> Record:
        value = encode_control(control)
        return self.put(None, value, control_headers(value), now=now)

    def opened(self, import_id: str, *, now: int | None = None) -> Record:
        return self.control(ControlImport(import_id=import_id, state="opened", source_hash="h"), now=now)

    def closed(self, import_id: str, *, now: int | None = None) -> Record:
        return self.control(ControlImport(import_id=import_id, state="closed", source_hash="h"), now=now)

    def clock(self, import_id: str, at: int, *, now: int | None = None) -> Record:
        return self.control(ControlClock(import_id=import_id, at=at), now=now)

    def model(self, model: ClusterModel, *, now: int | None = None) -> Record:
        body = model.to_dict()
        return self.control(ControlModel(segmentation="behaviour", version=model.version, body=body), now=now)

    def predictions(self, model: PredictionModel, *, now: int | None = None) -> Record:
        control = ControlModel(segmentation="predictions", version=model.version, body=model.to_dict())
        return self.control(control, now=now)

    def definitions(self, version: int, text: str, *, now: int | None = None) -> Record:
        return self.control(ControlDefinitions(version=version, body={"toml": text}), now=now)


class Driver:
    """Runs `decide` batch after batch without a lane, and keeps state and decisions."""

    def __init__(self, policy: Policy | None = None, partition: int = 0) -> None:
        self.policy = policy or Policy()
        self.state = LaneState.fresh(partition)
        self.changes: list[Change] = []
        self.dead: list[DeadLetter] = []
        self.rerouted: list[Rerouted] = []
        self.parts: dict[str, dict[str, bytes]] = {}
        """Contents of a view: parts of every customer ever touched."""

    def feed(self, records: Sequence[Record], tick: Tick | None = None) -> Decision:
        """Process one batch: load the customers it names, `decide`, then write all touched customers."""
        cache = self.state.cache
        decoded_records = decode_records(
            records,
            lanes=self.policy.lanes,
            local=cache.customers,
            max_event_bytes=self.policy.max_event_bytes,
            reading=self.policy.reading,
        )
        for decoded in decoded_records:
            if (id := subject(decoded)) is not None:
                self.bring(id)
        decision = decide(decoded_records, self.state, self.policy, tick or Tick())
        for id in decision.erased:
            self.parts.pop(id, None)
        for id, customer in decision.touched.items():
            written = snapshot.dump(customer, cache.memory.dump(customer.row) if customer.is_segmentable else b"")
            self.parts.setdefault(id, {}).update(written)
        self.changes += decision.changes
        self.dead += decision.dead_letters
        self.rerouted += decision.rerouted
        assert self.state.ledger.unaccounted == 0
        return decision

    def bring(self, id: str) -> None:
        """Load a customer that is not in memory, if it has a state."""
        cache = self.state.cache
        if cache.get(id) is None and id in self.parts:
            customer, behaviour = snapshot.load(id, self.parts[id])
            cache.load(customer, cache.memory.load(behaviour) if behaviour else -1)

    def drop(self, ids: Iterable[str]) -> None:
        """Drop customers that were written."""
        for id in ids:
            if self.state.cache.get(id) is not None:
                self.state.cache.evict(id)

    def tick(self, clock: int | None = None, due: Iterable[str] | None = None) -> Decision:
        """Check the clock for all customers, or only for the given ids."""
        ids = sorted(self.parts) if due is None else [id for id in due if id in self.parts]
        for id in ids:
            self.bring(id)
        return self.feed([], Tick(clock, ids))

    def customer(self, id: str) -> Customer:
        self.bring(id)
        found = self.state.cache.get(id)
        assert found is not None
        return found

    def segment(self, id: str, segmentation: str = "lifecycle") -> str:
        return self.customer(id).segments[segmentation].segment

    def story(self, id: str, segmentation: str = "lifecycle") -> list[tuple[str | None, int]]:
        """Return a customer's segments in order, each with the time of entry."""
        return [
            (change.after, change.changed_at)
            for change in self.changes
            if change.customer_id == id and change.segmentation == segmentation
        ]


ChangeKey = tuple[str, int, str | None, str | None, int, str]


def by_customer(changes: Iterable[Change]) -> dict[str, list[ChangeKey]]:
    """Return what two runs must agree on: each customer's changes in order."""
    found: dict[str, list[ChangeKey]] = {}
    for change in changes:
        key = (change.segmentation, change.seq, change.before, change.after, change.changed_at, change.cause)
        found.setdefault(change.customer_id, []).append(key)
    return found


def check_chain(changes: Iterable[Change]) -> None:
    """Check that ``seq`` counts from 1 per customer, and each change begins where the one before ended.

    Within a segmentation, time never goes back.
    """
    seq: dict[str, int] = {}
    held: dict[tuple[str, str], str | None] = {}
    last: dict[tuple[str, str], int] = {}
    born: dict[str, tuple[int, int]] = {}
    for change in changes:
        if change.seq == 1 and born.get(change.customer_id) != change.born:
            # Erased, and back as a new customer.
            assert all(held[key] is None for key in held if key[0] == change.customer_id)
            seq[change.customer_id] = 0
            born[change.customer_id] = change.born
            last = {key: at for key, at in last.items() if key[0] != change.customer_id}
        assert change.seq == seq.get(change.customer_id, 0) + 1
        seq[change.customer_id] = change.seq
        key = (change.customer_id, change.segmentation)
        assert change.before == held.get(key)
        assert change.after != change.before
        held[key] = change.after
        assert change.changed_at >= last.get(key, change.changed_at)
        last[key] = change.changed_at


def cut(records: Sequence[Record], places: Iterable[int]) -> list[Sequence[Record]]:
    """Return the records in batches, cut at the given places."""
    at = sorted({place for place in places if 0 < place < len(records)})
    return [records[a:b] for a, b in zip([0, *at], [*at, len(records)], strict=True)]


def state_of(customer: Customer) -> Mapping[str, object]:
    """Return everything known about a customer, except its place in memory, for comparison."""
    return {
        name: getattr(customer, name)
        for name in Customer.__slots__
        if name
        not in (
            "row",
            "written_ids",
            "book_dirty",
            "profile_dirty",
            "panel_rank",
            "foreseen",
            "new_orders",
            "dedupe_window",
            "segments",
            "book",
        )
    } | {
        "dedupe window": (customer.dedupe_window.total, customer.dedupe_window.ids),
        "segments": {name: (held.segment, held.since) for name, held in customer.segments.items()},
        "book": (customer.book.orders, customer.book.waiting, customer.book.older_first, customer.book.older_last),
    }
