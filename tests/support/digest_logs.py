"""Provide the logs with stored digests: a simulated shop, an import beside live events, Online Retail in December.

In addition to these recorded logs there is a short one for each type of event, so that a new type adds a line to the
digests and leaves all others unchanged.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from digests import DigestLane, Digests, Written
from heart_definitions import ALL_ACTIVE, HYBRID, MOODY
from heart_logs import LogMaker, event, order, view
from retail import FOLDER, found_retail

from models.features.time import DAY_MS, DayGrid
from models.learning.learner import Learner, LearnerConfig
from schemas import topics
from schemas.control import (
    ControlDefinitions,
    ControlLearn,
    ControlLearned,
    control_headers,
    encode_control,
    is_control,
)
from schemas.money import Rates
from schemas.records import Headers, Record
from schemas.wire_time import epoch_ms
from streamer.core.decision import Decision
from streamer.core.policy import Policy
from streamer.owner.publish_model import model_writes
from streamer.replay.replay import Replay
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import control_record, import_records
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.source import SourceEvent

SHOP_LOG: Final = Path(__file__).parents[1] / "golden" / "shop_log.msgpack.gz"
_EXAMPLES: Final = Path(__file__).parents[2] / "schemas" / "examples" / "events"
_RETAIL: Final = "online_retail_2010-12.csv.gz"
_NOW = 1_760_000_000_000
_LEARNER = LearnerConfig(min_buyers=30, min_members=30, frame_days=(21, 35))
_SHOP = ShopConfig(customers=110, days=75, late=0.02, duplicates=0.02, broken=0.01, refunds=0.1, all_types=True)
_POLICY = Policy(lanes=1, panel_target=500)
_DEFINITIONS: Mapping[int, str] = {20: MOODY, 40: ALL_ACTIVE, 60: HYBRID}
"""Days of the shop on which other definitions come into force."""


class _Log(msgspec.Struct):
    """A stored log, in the format of ``benchmarks/recorded.py``."""

    records: list[Record]
    warm: int


# -- the simulated shop -------------------------------------------------------------------------------------------


def shop_log() -> list[Record]:
    """Return what the lane of a simulated shop read: every type of event, definitions, versions of clusters, merges."""
    return msgspec.msgpack.decode(gzip.decompress(SHOP_LOG.read_bytes()), type=_Log).records


def record_shop() -> None:
    """Generate the shop's log again and store it."""
    records = _Recording(_SHOP).run()
    SHOP_LOG.write_bytes(gzip.compress(msgspec.msgpack.encode(_Log(records, 0)), 9, mtime=0))


class _Recording:
    """A lane with an owner that publishes versions; what the lane writes to itself is read again."""

    def __init__(self, config: ShopConfig) -> None:
        self._config = config
        self._log = LogMaker(now=config.start)
        self._learner = Learner(_LEARNER)
        self._lane = DigestLane(_POLICY, self._observe)

    def run(self) -> list[Record]:
        """Return all records in append order."""
        now, day = self._config.start, 0
        for one in Shop(self._config).events():
            now = max(now, one.occurred_at + 1_000)
            while day < (now - self._config.start) // DAY_MS:
                day += 1
                self._day(day, self._config.start + day * DAY_MS)
            self._put(one.key, one.value, (), now)
        # Rare in a shop: both ways to erase a customer.
        for customer, value in (("c0", event("customer.erased", "gone", "c0", now)), ("c1", None)):
            self._put(customer.encode(), value, (), now)
        return self._log.records

    def _put(self, key: bytes | None, value: bytes | None, headers: Headers, now: int) -> None:
        waiting = [(key, value, headers)]
        while waiting:
            record = self._log.put(*waiting.pop(0), now=now)
            decision = self._lane.take([record])
            waiting += [(one.key, one.value, one.headers) for one in decision.rerouted]

    def _day(self, day: int, now: int) -> None:
        self._lane.pass_time()
        if (text := _DEFINITIONS.get(day)) is not None:
            value = encode_control(ControlDefinitions(version=day, body={"toml": text}))
            self._put(None, value, control_headers(value), now)
        model = self._learner.learn(_POLICY.grid.day_of(now)).model
        if model is not None:
            [write] = model_writes(model, 1, now)[topics.EVENTS, 0]
            self._put(write.key, write.value, write.headers, now)

    def _observe(self, decision: Decision) -> None:
        if decision.panel_shift > self._learner.shift:
            self._learner.set_shift(decision.panel_shift)
        for row in decision.panel:
            self._learner.observe(row)


def _shop() -> Digests:
    records = shop_log()
    lane = DigestLane(_POLICY)
    lane.run(records)
    lane.pass_time(records[-1].timestamp + 40 * DAY_MS)
    return lane.written.digests


# -- an import ----------------------------------------------------------------------------------------------------


class _History:
    """The shop's events as a source of old data."""

    content_hash = "0" * 64

    def __init__(self, records: list[Record]) -> None:
        self._records = records
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()

    def events(self) -> Iterator[SourceEvent]:
        """Yield only the events, at the instants at which they were appended."""
        for one in self._records:
            if one.value is not None and not is_control(one.headers):
                yield SourceEvent(one.timestamp, one.key, one.value)


def import_log() -> list[Record]:
    """Return an import of the shop's first weeks to one of two lanes, a year later, beside live events."""
    old = shop_log()
    source = _History(old)
    log = LogMaker(now=old[-1].timestamp + 365 * DAY_MS)
    log.definitions(2, ALL_ACTIVE)
    for model in _models():
        log.put(model.key, model.value, model.headers)
    for number, one in enumerate(import_records(source, "import-1", DayGrid(), latest=log.now)):
        log.put(one.key, one.value, one.headers, now=log.now + 40_000)
        if one.day is not None and one.day % 7 == 0:
            for control in (
                ControlLearn(import_id="import-1", day=one.day),
                ControlLearned(import_id="import-1", day=one.day, next_day=one.day + 7),
            ):
                record = control_record(control)
                log.put(record.key, record.value, record.headers, now=log.now)
        if number % 40 == 0 and one.key is not None:
            log.event(view(f"live-{number}", one.key.decode(), log.now, category="shoes"))
    return log.records


def _models() -> Iterator[Record]:
    """Yield the first version of the clusters that the shop's owner published."""
    return islice((one for one in shop_log() if b'"control.model"' in (one.value or b"")), 1)


def _import() -> Digests:
    records = import_log()
    lane = DigestLane(Policy(lanes=2, grid=DayGrid("Europe/Berlin"), panel_target=100))
    lane.run(records)
    lane.pass_time(records[-1].timestamp + 30 * DAY_MS)
    return lane.written.digests


# -- Online Retail ------------------------------------------------------------------------------------------------


class _HashedReplay(Replay):
    """A replay that hashes what a lane would write in each step."""

    def __init__(self, policy: Policy, learner: LearnerConfig, now_ms: int) -> None:
        super().__init__(policy, learner, now_ms)
        self.state.ledger.lane = "digest"
        self.written = Written()

    def _step(self, decision: Decision) -> None:
        self.written.add(decision, self.state, self.policy)
        super()._step(decision)


def _retail() -> Digests | None:
    path = found_retail(_RETAIL)
    if path is None:
        return None
    policy = Policy(rates=Rates("GBP"), grid=DayGrid("Europe/London"), label_backfill=False, panel_target=500)
    replay = _HashedReplay(policy, LearnerConfig(frame_days=(10, 17), k=4), _NOW)
    replay.run(OnlineRetail(path))
    return replay.written.digests


# -- every type ---------------------------------------------------------------------------------------------------


def _types() -> Digests:
    """Return what a lane writes for each example of an event and in the 60 days after, for a customer with a past."""
    return {path.stem: _type(path.read_bytes()) for path in sorted(_EXAMPLES.glob("*.json"))}


def _type(value: bytes) -> str:
    body = json.loads(value)
    at = epoch_ms(body["occurred_at"])
    people = [body["customer_id"], body.get("anonymous_id", "somebody")]
    log = LogMaker(now=at - 100 * DAY_MS)
    log.definitions(2, MOODY)
    for number in range(8):
        for who in people:
            then = at - (90 - 10 * number) * DAY_MS
            log.event(order(f"o{number}-{who}", who, then, 20.0 + number), now=then + 1_000)
            log.event(view(f"v{number}-{who}", who, then + 1, category="shoes"), now=then + 2_000)
    lane = DigestLane(_POLICY)
    lane.run(log.records)
    lane.written = Written()
    lane.take([log.put(people["anonymous_id" in body].encode(), value, now=at + 1_000)])
    lane.pass_time(at + 60 * DAY_MS)
    return sha256(repr(lane.written.digests).encode()).hexdigest()[:16]


LOGS: Mapping[str, Callable[[], Digests | None]] = {
    "shop": _shop,
    "import": _import,
    "online retail": _retail,
    "types": _types,
}
"""Logs by name; None if the data is not on this machine."""
MISSING: Final = {"online retail": f"{FOLDER / _RETAIL} is not beside the project"}
