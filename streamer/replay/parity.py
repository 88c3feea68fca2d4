"""Check parity: replaying a lane's log with `decide` must yield what the live lane published, field by field.

This proves the promise of the change stream: the published changes are a function of the log, whatever the batches,
restarts, rebalances and workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from models.messages.count import Count
from schemas.changes import Change as WireChange
from schemas.records import LogRecord, count_of
from schemas.signing import ControlKeys
from schemas.wire_time import iso
from streamer.core.decide import decide
from streamer.core.decode import decode_records
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick
from streamer.lanes.encode import wire_changes

_BATCH = 1_000
_TRIES = 5
FIELDS = ("event_id", "segmentation", "from", "to", "changed_at", "cause")
"""Fields that must be equal for the same customer and ``seq``."""

COUNTERS = ("consumed", "applied", "duplicates", "late", "rerouted", "dead_letters", "control", "orders", "reversals")
"""Counters on which the ledgers must agree, in addition to money, customers and sizes."""


@dataclass(slots=True)
class Parity:
    """The result of a comparison, successful if ``differences`` is empty."""

    changes: int = 0
    customers: int = 0
    differences: list[str] = field(default_factory=list)

    def __iadd__(self, other: Parity) -> Parity:
        self.changes += other.changes
        self.customers += other.customers
        self.differences += other.differences
        return self


class NoRest(Exception):
    """Raised if a lane advanced during every comparison."""


def of_lane(
    ledger: Callable[[], Ledger],
    events: Callable[[], Iterable[LogRecord]],
    published: Callable[[], Sequence[Mapping[str, Any]]],
    policy: Policy,
    keys: ControlKeys | None = None,
) -> Parity | None:
    """Compare a lane at rest, through functions that read its ledger, its log and its published changes.

    Records appended but not yet decided are ignored. If the lane advances meanwhile, everything is read again.
    Returns None if the first records of the log are gone.

    Raises
    ------
    NoRest
        The lane never rested.
    """
    for _ in range(_TRIES):
        before = ledger()
        records = [record for record in events() if record.offset < before.next_offset]
        seen = published()
        if ledger() == before:
            break
    else:
        raise NoRest
    if sum(map(count_of, records)) < before.consumed:
        return None
    state, expected = replay(
        records, before.partition, policy, before.clock, keys or ControlKeys("", ()), before.signed_from
    )
    return compare(expected, seen, state.ledger, before)


def replay(
    records: Iterable[LogRecord],
    partition: int,
    policy: Policy,
    clock: int,
    keys: ControlKeys | None = None,
    signed_from: int | None = None,
) -> tuple[LaneState, list[WireChange]]:
    """Return the state and changes of `decide` over a lane's log, with its clock advanced to ``clock`` (ms) at the end."""
    state = LaneState.fresh(partition)
    state.ledger.signed_from = signed_from
    changes: list[WireChange] = []
    log = iter(records)
    while batch := list(islice(log, _BATCH)):
        decoded_records = decode_records(
            batch,
            lanes=policy.lanes,
            local=state.cache.customers,
            max_event_bytes=policy.max_event_bytes,
            reading=policy.reading,
            control_keys=keys,
        )
        changes += wire_changes(decide(decoded_records, state, policy).changes, state, policy)
    behind = state.ledger.behind > 0
    due = [customer.id for customer in state.cache.customers.values() if behind or customer.due is not None]
    outcome = decide((), state, policy, Tick(max(clock, state.ledger.clock), due))
    changes += wire_changes(outcome.changes, state, policy)
    return state, changes


def compare(
    expected: Iterable[WireChange], published: Iterable[Mapping[str, Any]], wanted: Ledger, live: Ledger
) -> Parity:
    """Return differences between the replay of a lane and what it published and counted.

    ``published`` are the values of the lane's ``segment.changed`` records, in topic order.
    """
    found = Parity()
    by_customer: dict[str, list[Mapping[str, Any]]] = {}
    for change in published:
        by_customer.setdefault(change["customer_id"], []).append(change)
    lists: dict[str, list[WireChange]] = {}
    for one in expected:
        lists.setdefault(one.customer_id, []).append(one)
    for customer in sorted(lists.keys() | by_customer.keys()):
        ours, theirs = lists.get(customer, []), by_customer.get(customer, [])
        found.customers += 1
        found.changes += len(theirs)
        if not _is_chain([change["seq"] for change in theirs]):
            found.differences.append(f"{customer}: published seq {[change['seq'] for change in theirs]}")
        if len(ours) != len(theirs):
            found.differences.append(
                f"{customer}: {Count(len(theirs)):|change} published, {len(ours)} {Count(len(ours)):~follows|follow} from the log"
            )
        for mine, other in zip(ours, theirs, strict=False):
            found.differences += _difference(mine, other)
    for name in (*COUNTERS, "revenue_minor", "customers", "sizes"):
        if getattr(wanted, name) != getattr(live, name):
            found.differences.append(
                f"lane {live.partition}: {name} is {getattr(live, name)}, the log gives {getattr(wanted, name)}"
            )
    return found


def _is_chain(seqs: Sequence[int]) -> bool:
    """Return whether numbers increase one by one; after an erase they start again at 1."""
    return all(after in (before + 1, 1) for before, after in zip([0, *seqs], seqs, strict=False))


def _difference(mine: WireChange, other: Mapping[str, Any]) -> Iterator[str]:
    def segment(value: Any) -> Any:
        return value["id"] if isinstance(value, Mapping) else value.id if value is not None else None

    wanted = {
        "event_id": mine.event_id,
        "segmentation": mine.segmentation,
        "from": segment(mine.from_segment),
        "to": segment(mine.to_segment),
        "changed_at": iso(mine.changed_at),
        "cause": mine.cause,
    }
    seen = {**other, "from": segment(other["from"]), "to": segment(other["to"])}
    for name in FIELDS:
        if seen[name] != wanted[name]:
            yield f"{mine.customer_id} seq {mine.seq}: {name} is {seen[name]!r}, the log gives {wanted[name]!r}"


def decode_change(value: bytes) -> Mapping[str, Any]:
    """Return the value of a ``segment.changed`` record."""
    change: Mapping[str, Any] = msgspec.json.decode(value)
    return change
