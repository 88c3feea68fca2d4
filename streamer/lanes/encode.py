"""Encode a decision as the records of its transaction and the update of the view. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from models.behaviour.layout import NEW_ID, NEW_NAME
from models.behaviour.memory import Memory
from models.behaviour.panel import encode as encode_row
from models.customer import snapshot
from models.customer.customer import Customer
from models.features.document import document
from models.messages import messages
from schemas import topics
from schemas.changes import (
    Change as WireChange,
)
from schemas.changes import (
    Membership,
    ModelRef,
    NextMove,
    SegmentRef,
    Trigger,
    change_event_id,
    change_headers,
    encode_change,
    encode_memberships,
)
from schemas.control import IMPORT_HEADER, ControlImport
from schemas.deadletters import letter_for
from schemas.records import Headers
from streamer.core.decision import Change, Decision
from streamer.core.decode import DecodedRecord
from streamer.core.policy import Policy
from streamer.core.published import PublishedModel
from streamer.core.state import LaneState
from streamer.core.transitions import BEHAVIOUR
from streamer.lanes.keys import (
    LEDGER_KEY,
    SHIFT_HEADER,
    definitions_key,
    erased_key,
    model_key,
    model_name,
    notice_key,
    part_key,
)
from streamer.lanes.ports import Stored, Update, Write, Writes
from streamer.lanes.restore import sizes_of

_encode = msgspec.json.Encoder().encode


class CustomerFailed(Exception):
    """Raised if a customer's state or change cannot be encoded; the cause has the details."""

    def __init__(self, customer: str) -> None:
        super().__init__("the state or a change of a customer cannot be written")
        self.customer = customer


def store(decision: Decision, state: LaneState, policy: Policy) -> dict[str, Stored]:
    """Encode the parts and documents of all touched customers and mark them as written.

    Afterwards, commit them or discard the state.

    Raises
    ------
    CustomerFailed
        A customer cannot be encoded.
    """
    memory, shop, imports, born = state.cache.memory, policy.shop, state.ledger.imports, decision.born
    found = {}
    id = ""
    try:
        for id, customer in decision.touched.items():
            clock_id = customer.clock_id if customer.clock_id in imports else ""
            due, fresh = customer.due, id in decision.erased
            if customer.is_segmentable:
                parts = snapshot.dump(customer, memory.dump(customer.row))
            else:
                parts = snapshot.dump(customer, b"")
                if customer.is_alias:
                    found[id] = Stored(parts, None, None, "", fresh=fresh, alias=True)
                    continue
            found[id] = Stored(parts, document(customer, shop), due, clock_id or "", id in born, fresh)
    except MemoryError:
        raise
    except Exception as error:
        raise CustomerFailed(id) from error
    return found


def writes(
    decision: Decision,
    stored: Mapping[str, Stored],
    raw_ledger: bytes,
    state: LaneState,
    policy: Policy,
    detected_at: int,
) -> Writes:
    """Return all records of the transaction. The ledger is last in the changelog, because the view's token points after it."""
    lane = state.ledger.partition
    out: Writes = {}
    if decision.changes:
        out[topics.CHANGES, lane], out[topics.MEMBERSHIPS, lane] = _moves(decision, state, policy, detected_at)
    if decision.dead_letters:
        out[topics.DEADLETTERS, lane] = [
            Write(*letter_for(dead.record, topics.EVENTS, dead.stage, dead.reason, dead.message))
            for dead in decision.dead_letters
        ]
    for rerouted in decision.rerouted:
        out.setdefault((topics.EVENTS, rerouted.partition), []).append(
            Write(rerouted.key, rerouted.value, rerouted.headers)
        )
    if decision.panel or decision.notices:
        out[topics.PANEL, 0] = _panel(decision, state)
    out[topics.STATE, lane] = _changelog(decision, stored, raw_ledger)
    return out


def _panel(decision: Decision, state: LaneState) -> list[Write]:
    """Return panel rows, then imports' requests: the model owner must read the rows before the request."""
    cache, imports = state.cache, state.ledger.imports
    plain: Headers = ((SHIFT_HEADER, str(decision.panel_shift).encode()),)
    found = []
    for row in decision.panel:
        customer, headers = cache.get(row.customer), plain
        if customer is not None and customer.clock_id is not None and customer.clock_id in imports:
            # An import requests learning itself.
            headers = (*plain, (IMPORT_HEADER, customer.clock_id.encode()))
        found.append(Write(part_key(row.customer, ""), encode_row(row) if row.blob else None, headers))
    found += [Write(notice_key(notice.import_id, notice.lane), _encode(notice)) for notice in decision.notices]
    return found


def _moves(decision: Decision, state: LaneState, policy: Policy, detected_at: int) -> tuple[list[Write], list[Write]]:
    """Return the changes and the new memberships of changed customers. Raises CustomerFailed if one cannot be encoded."""
    names, memory, touched = Names(state, policy), state.cache.memory, decision.touched
    changes, current = [], []
    id = ""
    try:
        for change in decision.changes:
            id, wired = change.customer_id, _wire(change, names)
            headers = change_headers(wired, _trace(change))
            changes.append(Write(id.encode(), encode_change(wired, detected_at), headers))
        for id in dict.fromkeys(change.customer_id for change in decision.changes):
            current.append(Write(id.encode(), memberships(touched[id], memory, names) if id in touched else None))
    except MemoryError:
        raise
    except Exception as error:
        raise CustomerFailed(id) from error
    return changes, current


def _changelog(decision: Decision, stored: Mapping[str, Stored], raw_ledger: bytes) -> list[Write]:
    # Delete first, because an erased customer may be back by the end of the batch.
    changelog = [Write(part_key(id, part), None) for id in sorted(decision.erased) for part in snapshot.PARTS]
    changelog.extend(
        Write(part_key(id, part), value) for id, one in stored.items() for part, value in one.parts.items()
    )
    changelog.extend(Write(model_key(name), body) for name, body in _bodies(decision).items())
    changelog.extend(Write(definitions_key(version), text.encode()) for version, text in decision.definitions.items())
    changelog.extend(Write(erased_key(name), mark or None) for name, mark in _marks(decision).items())
    changelog.append(Write(LEDGER_KEY, raw_ledger))
    return changelog


def update(
    decision: Decision,
    stored: Mapping[str, Stored],
    raw_ledger: bytes,
    state: LaneState,
    decoded_records: Iterable[DecodedRecord],
) -> Update:
    """Return the view's update for the same decision."""
    closed = [
        decoded.control.import_id
        for decoded in decoded_records
        if decoded.control is not None
        and isinstance(decoded.control, ControlImport)
        and decoded.control.import_id not in state.ledger.imports
    ]
    models = _bodies(decision)
    texts = {version: text.encode() for version, text in decision.definitions.items()}
    customers = {**dict.fromkeys(decision.erased), **stored}
    return Update(customers, raw_ledger, sizes_of(state.ledger), models, closed, texts, _marks(decision))


def _marks(decision: Decision) -> dict[str, bytes]:
    return {name: b"" if mark is None else _encode(mark) for name, mark in decision.marks.items()}


def _bodies(decision: Decision) -> dict[str, bytes]:
    """Return the bodies of new model versions of all kinds, by name."""
    models: list[PublishedModel] = [*decision.models.values(), *decision.predictions.values()]
    return {model_name(model.kind, model.version): model_bytes(model) for model in models}


def model_bytes(model: PublishedModel) -> bytes:
    """Return a published model as JSON, as stored in the changelog and the view."""
    return _encode(model.to_dict())


class Names:
    """Current segment names."""

    def __init__(self, state: LaneState, policy: Policy) -> None:
        # Newest first, so that a segment missing from a version keeps its last name.
        self._declared = [*reversed(state.definitions.values()), policy.definitions]
        self._words = messages(policy.language)
        timeline = state.ledger.timeline
        self._models = [state.models[entry.version] for entry in reversed(timeline)]
        self._found: dict[tuple[str, str, int | None], str] = {}

    def ref(self, segmentation: str, segment: str | None, version: int | None = None) -> SegmentRef | None:
        """Return a segment reference with its name, or None for no segment."""
        return None if segment is None else SegmentRef(segment, self.name(segmentation, segment, version))

    def name(self, segmentation: str, segment: str, version: int | None = None) -> str:
        """Return a segment's name, under ``version`` if given; its id if it has no known name.

        A segment that a version no longer has keeps its last name. Later versions are not searched, because whether
        they are already known depends on where a batch ends.
        """
        found = self._found.get((segmentation, segment, version))
        if found is None:
            lookup = self._cluster if segmentation == BEHAVIOUR else self._of_declared
            found = self._found[segmentation, segment, version] = lookup(segmentation, segment, version)
        return found

    def _of_declared(self, segmentation: str, segment: str, version: int | None) -> str:
        for definitions in self._declared:
            if version is None or definitions.version <= version:
                name = definitions.names.get((segmentation, segment))
                if name is not None:
                    return self._words.segment(segmentation, segment, name)
        return segment

    def _cluster(self, segmentation: str, segment: str, version: int | None) -> str:
        if segment == NEW_ID:
            return self._words.segment(BEHAVIOUR, NEW_ID, NEW_NAME)
        for model in self._models:
            if (version is None or model.version <= version) and (found := model.by_id(segment)) is not None:
                return self._words.cluster(found.name)
        return segment


def memberships(customer: Customer, memory: Memory, names: Names) -> bytes | None:
    """Return a customer's membership record, or None if no membership is left.

    A cluster membership carries the version that assigned or last confirmed the segment, because a later version may
    lack the segment and its definition could not be found there.
    """
    segments = {}
    for name, held in customer.segments.items():
        version = memory.label_version(customer.row) if name == BEHAVIOUR else customer.definitions_version
        segments[name] = Membership(held.segment, names.name(name, held.segment, version), held.since, version)
    return encode_memberships(customer.id, customer.seq, customer.as_of, segments)


def wire_changes(changes: Sequence[Change], state: LaneState, policy: Policy) -> list[WireChange]:
    """Return changes in their published form, without the detection time."""
    names = Names(state, policy)
    return [_wire(change, names) for change in changes]


def _trace(change: Change) -> bytes | None:
    return None if change.trigger is None else change.trigger.traceparent


def _wire(change: Change, names: Names) -> WireChange:
    trigger = change.trigger
    return WireChange(
        event_id=change_event_id(change.customer_id, *change.born, change.seq),
        customer_id=change.customer_id,
        seq=change.seq,
        segmentation=change.segmentation,
        from_segment=names.ref(change.segmentation, change.before, change.version),
        to_segment=names.ref(change.segmentation, change.after, change.version),
        cause=change.cause,
        automation_safe=change.automation_safe,
        is_initial=change.before is None,
        changed_at=change.changed_at,
        trigger=None
        if trigger is None
        else Trigger(trigger.event_id, trigger.type, topics.EVENTS, trigger.partition, trigger.offset),
        model=ModelRef(change.kind, change.version),
        confidence=change.confidence,
        next_move=None if change.next_move is None else NextMove(*change.next_move),
        reasons=change.reasons,
        features=change.features,
    )
