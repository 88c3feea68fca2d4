"""Test mutated bytes on a lane in memory: only dead letters result. ``make fuzz`` sends a million."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from heart_lanes import ManualClock
from poison_rows import order, rows

from schemas import topics
from schemas.deadletters import parse_headers
from schemas.partition import partition_for
from schemas.records import Headers, Record
from schemas.wire_time import iso
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core import ledger
from streamer.core.policy import Policy
from streamer.lanes.context import LaneContext, LaneSettings
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch, Write

BODIES = int(os.environ.get("LANE_FUZZ", "20000"))
SEED = int(os.environ.get("LANE_FUZZ_SEED", "1"))
NOW = 1_772_000_000_000
LANES = 2
STEP = 500
EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
ODD: list[object] = [
    None,
    True,
    -1,
    0,
    2**63,
    2**70,
    1e308,
    -0.0,
    "",
    "\0",
    "x" * 600,
    [],
    {},
    [[[]]],
    "9999-12-31T23:59:59Z",
]

Body = tuple[bytes | None, bytes | None, Headers]


def corpus(ours: list[str], other: str) -> list[Body]:
    """Return everything that is a valid record: the examples of the contract, and the rows of the poison table."""
    found: list[Body] = []
    for path in sorted(EXAMPLES.rglob("*.json")):
        held = path.read_bytes()
        try:
            body = json.loads(held)
            key = str(body.get("customer_id", "k")).encode() if isinstance(body, dict) else b"k"
        except (ValueError, RecursionError):
            key = b"k"
        found.append((key, held, ()))
    for row in rows(NOW, ours, other):
        found += [
            (one.key, one.value, tuple((name, value[:200]) for name, value in one.headers))
            for one in row.sent[-2:]
            if len(one.value or b"") < 60_000
        ]
    return [*found, *((id.encode(), order(f"good-{id}", id, NOW), ()) for id in ours[:20])]


def values_by_name(bodies: Iterable[Body]) -> dict[str, list[object]]:
    """Return the values that each name has in these bodies: valid by themselves, and rarely where they are put."""
    found: dict[str, list[object]] = {}

    def look(place: object) -> None:
        if isinstance(place, dict):
            for name, value in place.items():
                found.setdefault(name, []).append(value)
                look(value)
        elif isinstance(place, list):
            for value in place[:20]:
                look(value)

    for _, value, _ in bodies:
        with suppress(ValueError, RecursionError):
            look(json.loads(value or b""))
    return found


def mutated(random_: random.Random, body: Body, ours: list[str], known: Mapping[str, list[object]]) -> Body:
    """Return a body with a fault: a value exchanged, bytes flipped, cut or doubled, headers added."""
    key, value, headers = body
    if value is None:
        return key, random_.choice([None, b"", b"null"]), headers
    kind = random_.randrange(8)
    if kind < 4:
        try:
            tree = json.loads(value)
        except (ValueError, RecursionError):
            kind = 5
        else:
            _exchange(random_, tree, random_.randint(1, 3), known)
            if isinstance(tree, dict) and random_.random() < 0.5:
                # A customer of this lane, now: this tests more than the envelope.
                tree["customer_id"] = id = random_.choice(ours)
                tree["occurred_at"], tree["event_id"], key = iso(NOW), str(random_.random()), id.encode()
                if "order_id" in tree and random_.random() < 0.5:
                    # Otherwise all customers soon have each order of the corpus, and new ones are repeats.
                    tree["order_id"] = str(random_.random())
            value = json.dumps(tree, ensure_ascii=random_.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind == 4:
        at = random_.randrange(len(value) + 1)
        value = value[:at] + random_.randbytes(random_.randint(0, 8)) + value[at + random_.randint(0, 8) :]
    elif kind == 5:
        value = value[: random_.randrange(len(value) + 1)]
    elif kind == 6:
        value = value * random_.randint(2, 4)
    elif kind == 7:
        key = random_.choice([None, b"", b"\xff", key, random_.randbytes(9), b"k" * 1_000])
        names = ["control", "import", "alias-of", "rerouted-from"]
        names = [*(f"streamer-{name}" for name in names), "ce_type", "ce_id", "traceparent", "x"]
        more = tuple(
            (random_.choice(names), random_.choice([b"1", b"", b"\xff", random_.randbytes(5)])) for _ in range(3)
        )
        headers = (*headers, *more)
    return key, value, headers


def _exchange(random_: random.Random, tree: object, times: int, known: Mapping[str, list[object]]) -> None:
    """Put something odd in some places of a JSON value, or a value that the name has elsewhere."""
    for _ in range(times):
        place = tree
        while isinstance(place, dict | list) and place:
            name = random_.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inside = place[name]
            if isinstance(inside, dict | list) and inside and random_.random() < 0.7:
                place = inside
                continue
            odd = random_.random() < 0.5 or name not in known
            place[name] = deepcopy(random_.choice(ODD if odd else known[name]))
            break


def test_no_exception_leaves_the_lane() -> None:
    ids = [f"c{number}" for number in range(2_000)]
    ours = [id for id in ids if partition_for(id.encode(), LANES) == 0]
    other = next(id for id in ids if partition_for(id.encode(), LANES) == 1)
    found, poison = asyncio.run(_fuzz(corpus(ours[100:], other), ours))
    assert found.consumed == BODIES and found.unaccounted == 0
    assert found.applied > BODIES // 50, "the mutants must reach what decides"
    assert poison == Counter(), "each of these is a mistake of ours that deserves its own reason"


async def _fuzz(bodies: list[Body], ours: list[str]) -> tuple[ledger.Ledger, Counter[str]]:
    broker, view, random_ = MemoryBroker(NOW), MemoryView(), random.Random(SEED)
    limits = replace(LaneSettings(), deadletter_run=0, deadletter_ratio=1.0, max_residents=2_000)
    lane = Lane(0, MemoryLog(broker, 0), view, LaneContext(Policy(lanes=LANES, wall=True), ManualClock(NOW), limits))
    await lane.open()
    poison: Counter[str] = Counter()
    known = values_by_name(bodies)
    offset, printed_at = 0, time.monotonic()
    while offset < BODIES:
        batch = []
        for _ in range(min(STEP, BODIES - offset)):
            key, value, headers = mutated(random_, random_.choice(bodies), ours, known)
            batch.append(Record(0, offset, NOW + offset, key, value, tuple(headers)))
            broker.append(topics.EVENTS, 0, Write(None, None))
            offset += 1
        lane.offer(Batch(batch[0].offset, offset, batch))
        while lane.next_offset < offset:
            await lane.turn()
            assert lane.halted is None, lane.halted
        for record in broker.records(topics.DEADLETTERS, 0):
            letter = parse_headers(record.headers)
            if letter.reason == "poison" or "Error:" in letter.message:
                poison[letter.message] += 1
        for topic, partition in list(broker.topics):
            # Save memory: a million bodies are not stored. The changelog's length is the view's token.
            if topic not in (topics.STATE, topics.EVENTS):
                broker.topics[topic, partition].clear()
        if time.monotonic() - printed_at > 60:
            printed_at = time.monotonic()
            print(f"{offset:,} of {BODIES:,}; {dict(poison)}", flush=True)
    return lane.state.ledger, poison
