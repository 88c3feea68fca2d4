"""Preview the moves under another version of the declared segmentations, by running `decide` on copies.

Nothing is written. Each chunk of customers gets the control record that an activation would write, and the resulting
changes are counted customer by customer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.customer import snapshot
from models.prediction.model import PredictionModel
from models.rules.declared import load
from models.rules.definitions import Definitions
from schemas.control import ControlDefinitions
from schemas.records import Record
from streamer.core import ledger
from streamer.core.customer_cache import CustomerCache
from streamer.core.decide import decide
from streamer.core.decision import Change
from streamer.core.decode import DecodedRecord
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.core.state import LaneState, Tick

EXAMPLES = 3
"""Number of example customers per move."""
PEOPLE = 10
"""Number of example customers per segment after the change."""


@dataclass(frozen=True, slots=True)
class LaneCopy:
    """A lane's state, read from outside, without its customers."""

    ledger: Ledger
    models: Mapping[int, ClusterModel]
    definitions: Mapping[int, Definitions]
    predictions: Mapping[int, PredictionModel] = field(default_factory=dict)

    def state(self) -> LaneState:
        """Return a new state of the lane, without customers in memory."""
        copied = ledger.load(ledger.dump(self.ledger))
        return LaneState(
            copied,
            CustomerCache(Memory()),
            dict(self.models),
            definitions=dict(self.definitions),
            predictions=dict(self.predictions),
        )


@dataclass(slots=True)
class Moves:
    """Expected moves in one segmentation. Segments are ids; None means no segment.

    Attributes
    ----------
    people
        Examples of the customers that would be in each segment.
    """

    pairs: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    examples: dict[tuple[str | None, str | None], list[str]] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)

    def add(self, pair: tuple[str | None, str | None], id: str) -> None:
        """Count a customer who is in the first of two segments and would be in the second."""
        self.pairs[pair] += 1
        listed = [(self.examples.setdefault(pair, []), EXAMPLES)]
        if pair[1] is not None:
            listed.append((self.people.setdefault(pair[1], []), PEOPLE))
        for named, most in listed:
            if len(named) < most:
                named.append(id)

    @property
    def moved(self) -> int:
        """Number of customers who would change segment."""
        return sum(count for (before, after), count in self.pairs.items() if before != after)

    def sizes(self) -> dict[str, tuple[int, int, int]]:
        """Return, by segment, the number of customers now, then, and both now and then."""
        found: dict[str, list[int]] = {}
        for (before, after), count in self.pairs.items():
            for segment, at in ((before, 0), (after, 1)):
                if segment is not None:
                    found.setdefault(segment, [0, 0, 0])[at] += count
            if before is not None and before == after:
                found[before][2] += count
        return {segment: (now, then, stay) for segment, (now, then, stay) in found.items()}


@dataclass(slots=True)
class Preview:
    """Expected moves over all lanes so far."""

    version: int
    customers: int = 0
    segmentations: dict[str, Moves] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-safe values. ``overlap`` is the share of customers who stay among those in the segment now or then."""
        found: dict[str, Any] = {}
        for name, moves in self.segmentations.items():
            found[name] = {
                "moved": moves.moved,
                "moves": [
                    {"from": before, "to": after, "customers": count, "examples": moves.examples[before, after]}
                    for (before, after), count in sorted(moves.pairs.items(), key=lambda item: -item[1])
                    if before != after
                ],
                "segments": {
                    segment: {
                        "now": now,
                        "then": then,
                        "stay": stay,
                        "overlap": round(stay / (now + then - stay), 4),
                    }
                    for segment, (now, then, stay) in moves.sizes().items()
                },
            }
        return {"version": self.version, "customers": self.customers, "segmentations": found}


def newest(lanes: Iterable[LaneCopy], policy: Policy) -> Definitions:
    """Return the newest definitions that any lane has."""
    found = [one for lane in lanes for one in lane.definitions.values()]
    return max(found, key=lambda one: one.version, default=policy.definitions)


def preview_chunk(
    lane: LaneCopy, people: Mapping[str, Mapping[str, bytes]], text: str, into: Preview, policy: Policy, now_ms: int
) -> list[Change]:
    """Count the expected moves of some customers of a lane.

    Parameters
    ----------
    people
        Parts of the customers' states by id; blocks of event ids are not needed.
    text
        Text of the definitions file.
    into
        Preview to add to; its ``version`` is the one that the file would get.
    now_ms
        Append time of the control record, epoch ms.

    Returns
    -------
    list[Change]
        All changes with cause ``definition_edit``.
    """
    state = lane.state()
    cache = state.cache
    now: dict[str, dict[str, str]] = {}
    for id, parts in people.items():
        customer, behaviour = snapshot.glance(id, parts)
        days = partial(customer.book.days, policy.grid.day_of)
        cache.load(customer, cache.memory.load(behaviour, days) if behaviour else -1)
    # Moves that time alone has caused but that were not yet evaluated are not caused by the file.
    decide((), state, policy, Tick(due=list(people)))
    for id, customer in cache.customers.items():
        now[id] = {name: held.segment for name, held in customer.segments.items()}
    control = ControlDefinitions(version=into.version, body={"toml": text})
    record = Record(state.ledger.partition, state.ledger.next_offset, max(now_ms, state.ledger.appended), None, b"", ())
    outcome = decide([DecodedRecord(record, control=control)], state, policy, Tick(due=list(people)))
    changes = [change for change in outcome.changes if change.cause == "definition_edit"]
    for id, before in now.items():
        then = {name: held.segment for name, held in cache.customers[id].segments.items()}
        for name in before.keys() | then.keys():
            moves = into.segmentations.setdefault(name, Moves())
            pair = before.get(name), then.get(name)
            moves.add(pair, id)
    into.customers += len(now)
    return changes


def lane_copy(
    raw: bytes, models: Mapping[int, bytes], texts: Mapping[int, bytes], predictions: Mapping[int, bytes]
) -> LaneCopy:
    """Return a copy of a lane from its data in the view."""
    return LaneCopy(
        ledger.load(raw),
        {version: ClusterModel.from_dict(msgspec.json.decode(body)) for version, body in sorted(models.items())},
        {version: load(text.decode(), version) for version, text in sorted(texts.items())},
        {
            version: PredictionModel.from_dict(msgspec.json.decode(body))
            for version, body in sorted(predictions.items())
        },
    )
