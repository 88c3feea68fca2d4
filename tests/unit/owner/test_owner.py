"""Test the model owner record by record, over a panel topic in memory: what it reads, stores, publishes and forgets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from behaviour_world import World
from owner_rig import Clock, OwnerRig, PanelLog

from models.behaviour.panel import PanelRow, encode
from models.learning.learner import Learner, LearnerConfig
from models.learning.owner_types import Learned, State
from models.prediction.predictor import Predictor
from models.rules.defaults import DEFAULTS
from schemas import topics
from schemas.control import IMPORT_HEADER
from schemas.errors import InvariantViolation
from schemas.records import Headers
from streamer.adapters.memory import MemoryBroker
from streamer.core.decision import ImportNotice
from streamer.lanes.keys import SHIFT_HEADER, notice_key
from streamer.lanes.ports import Batch, Write
from streamer.owner import owner as module
from streamer.owner.owner import Owner, OwnerContext
from streamer.owner.pieces import read_piece

CONFIG = LearnerConfig()
SNAPSHOT = b"!learner:"


class Listener:
    """Records on which days the owner learned."""

    def __init__(self) -> None:
        self.days: list[tuple[int, str]] = []

    def fetch_again(self, lane: int, offset: int) -> None: ...

    def foresaw(self, day: int, predictor: Predictor) -> None: ...

    def learned(self, day: int, learned: Learned, state: State) -> None:
        self.days.append((day, learned.outcome))


class Panel:
    """A panel topic, and owners that read it in turn."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.listener = Listener()
        world = World(customers=6)
        world.run(3, learn=False)
        self.blobs = [world.memory.dump(int(row)) for row in world.rows]
        self.today = world.day

    def row(self, customer: int, day: int | None = None, headers: Headers = ()) -> None:
        day = self.today if day is None else day
        value = encode(PanelRow(f"c{customer}", day, self.blobs[customer]))
        self.put(f"c{customer}".encode(), value, headers)

    def put(self, key: bytes, value: bytes | None, headers: Headers = ()) -> None:
        self.broker.append(topics.PANEL, 0, Write(key, value, headers))

    async def read(self, config: LearnerConfig = CONFIG) -> Owner:
        """Start an owner, and let it read to the end."""
        log = PanelLog(self.broker)
        owner = Owner(Learner(config), log, OwnerContext(DEFAULTS, 2, Clock()), self.listener)
        start = await owner.open()
        await self.more(owner, start)
        return owner

    async def more(self, owner: Owner, start: int | None = None) -> None:
        """Pass the owner what has arrived since."""
        records = self.broker.records(topics.PANEL)
        start = owner.next_offset if start is None else start
        owner.offer(Batch(start, len(records), records[start:]))
        await owner.turn()

    def held(self) -> dict[bytes, bytes | None]:
        """Return the topic after compaction."""
        return {record.key or b"": record.value for record in self.broker.records(topics.PANEL)}

    def pieces(self) -> list[bytes]:
        return sorted(key for key, value in self.held().items() if key.startswith(SNAPSHOT) and value is not None)


@pytest.fixture
def panel() -> Panel:
    return Panel()


def test_an_owner_begins_with_what_the_declared_segments_are(panel: Panel) -> None:
    asyncio.run(panel.read())
    assert len(panel.broker.records(topics.DEFINITIONS)) == sum(len(one.segments) for one in DEFAULTS.segmentations)
    assert panel.listener.days[0] == (0, "restored")


def test_it_learns_once_a_day_and_never_on_a_day_that_has_passed(panel: Panel) -> None:
    async def go() -> list[int]:
        panel.row(0)
        owner = await panel.read()
        panel.row(1)
        await panel.more(owner)
        panel.row(2, panel.today + 1)
        await panel.more(owner)
        panel.row(3, panel.today)
        await panel.more(owner)
        return [day for day, outcome in panel.listener.days if outcome != "restored"]

    assert asyncio.run(go()) == [panel.today, panel.today + 1]


def test_rows_of_an_import_are_observed_and_make_no_day(panel: Panel) -> None:
    async def go() -> Owner:
        for customer in range(3):
            panel.row(customer, headers=[(IMPORT_HEADER, b"i-1")])
        return await panel.read()

    owner = asyncio.run(go())
    assert len(owner._learner.members) == 3
    assert [outcome for _, outcome in panel.listener.days] == ["restored"]


def test_a_customer_without_a_row_leaves_the_snapshot_too(panel: Panel) -> None:
    async def go() -> None:
        panel.row(0)
        panel.row(1)
        owner = await panel.read()
        panel.put(b"c0", None)
        await panel.more(owner)
        assert set(owner._learner.members) == {"c1"}
        again = await panel.read()
        assert again.next_offset > 2 and set(again._learner.members) == {"c1"}

    asyncio.run(go())


def test_it_follows_the_lanes_to_a_sparser_panel_and_never_back(panel: Panel) -> None:
    async def go() -> list[int]:
        shifts = []
        owner = await panel.read()
        for shift in (2, 1, 3):
            panel.row(0, headers=[(SHIFT_HEADER, str(shift).encode())])
            await panel.more(owner)
            shifts.append(owner._learner.shift)
        return shifts

    assert asyncio.run(go()) == [2, 2, 3]


def request_learning(panel: Panel, *lanes: int, closed: bool = False) -> None:
    for lane in lanes:
        panel.put(notice_key("i-1", lane), msgspec.json.encode(ImportNotice("i-1", lane, panel.today, 3, closed)))


def test_an_import_is_answered_in_every_lane_and_its_questions_are_deleted(panel: Panel) -> None:
    async def go() -> None:
        request_learning(panel, 0)
        owner = await panel.read()
        assert panel.broker.records(topics.EVENTS, 0) == []
        request_learning(panel, 1)
        await panel.more(owner)

    asyncio.run(go())
    for lane in range(2):
        [record] = panel.broker.records(topics.EVENTS, lane)
        body: dict[str, Any] = msgspec.json.decode(record.value or b"")
        assert (body["type"], body["import_id"], body["day"]) == ("control.learned", "i-1", panel.today)
        assert body["next_day"] > panel.today
    assert all(panel.held()[notice_key("i-1", lane)] is None for lane in range(2))


def test_an_import_that_ended_makes_its_last_day_one_to_learn_on(panel: Panel) -> None:
    async def go() -> None:
        panel.row(0, headers=[(IMPORT_HEADER, b"i-1")])
        request_learning(panel, 0, 1, closed=True)
        await panel.read()

    asyncio.run(go())
    assert [day for day, outcome in panel.listener.days if outcome != "restored"] == [panel.today]
    assert all(panel.held()[notice_key("i-1", lane)] is None for lane in range(2))


def test_a_decision_that_cannot_be_read_is_deleted_and_changes_nothing(panel: Panel) -> None:
    async def go() -> None:
        panel.row(0)
        owner = await panel.read()
        panel.put(b"!decision:1", b"{")
        await panel.more(owner)
        assert owner._decisions == []

    asyncio.run(go())
    assert panel.held()[b"!decision:1"] is None
    assert panel.broker.records(topics.MODELS) == []


def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE", 60)


def snapshot_of(panel: Panel, customers: int) -> Callable[[], Any]:
    async def go() -> Owner:
        for customer in range(customers):
            panel.row(customer)
        owner = await panel.read()
        # A tombstone makes it store its snapshot at once.
        panel.put(b"nobody", None)
        await panel.more(owner)
        return owner

    return go


def test_a_snapshot_of_many_pieces_is_restored_whole(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pieces(monkeypatch)
    owner = asyncio.run(snapshot_of(panel, 6)())
    assert len(panel.pieces()) > 2
    again = asyncio.run(panel.read())
    assert again._learner.snapshot() == owner._learner.snapshot()


def test_a_shorter_snapshot_deletes_the_pieces_that_the_longer_one_had(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch)

    async def go() -> tuple[int, int]:
        owner = await snapshot_of(panel, 6)()
        before = len(panel.pieces())
        for customer in range(1, 6):
            panel.put(f"c{customer}".encode(), None)
        await panel.more(owner)
        assert set((await panel.read())._learner.members) == {"c0"}
        return before, len(panel.pieces())

    before, after = asyncio.run(go())
    assert 0 < after < before


@pytest.mark.parametrize("damage", ["missing", "of another snapshot"])
def test_an_incomplete_snapshot_stops_the_owner(panel: Panel, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    small_pieces(monkeypatch)
    asyncio.run(snapshot_of(panel, 6)())
    key = panel.pieces()[1]
    if damage == "missing":
        panel.put(key, None)
        # A tombstone in the topic is what compaction left of the piece.
        panel.broker.topics[topics.PANEL, 0] = [
            record for record in panel.broker.records(topics.PANEL) if record.key != key
        ]
    else:
        piece = read_piece(panel.held()[key] or b"")
        piece.position += 1
        panel.put(key, msgspec.msgpack.encode(piece))
    with pytest.raises(InvariantViolation, match="snapshot is incomplete"):
        asyncio.run(panel.read())


def test_what_was_there_at_the_start_is_read_before_anything_is_learned() -> None:
    """Otherwise an old day would be learned again from half of its rows."""

    async def go() -> None:
        world = World(customers=4)
        world.run(3, learn=False)
        rig = OwnerRig(world, CONFIG)
        rig.publish_rows()
        listener = Listener()
        owner = Owner(Learner(CONFIG), PanelLog(rig.broker), OwnerContext(DEFAULTS, 2, Clock()), listener)
        await owner.open()
        records = rig.broker.records(topics.PANEL)
        owner.offer(Batch(0, 2, records[:2]))
        await owner.turn()
        assert [outcome for _, outcome in listener.days] == ["restored"]
        owner.offer(Batch(2, len(records), records[2:]))
        await owner.turn()
        assert [day for day, _ in listener.days[1:]] == [world.day]

    asyncio.run(go())


def test_others_are_heard_while_predictions_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the broker would mistake a long fit for a dead owner."""
    beats: list[float] = []
    during: list[int] = []

    def slow(self: Predictor, day: int) -> None:
        before = len(beats)
        time.sleep(0.4)
        during.append(len(beats) - before)

    monkeypatch.setattr(Predictor, "learn", slow)

    async def go() -> None:
        async def beat() -> None:
            while True:
                beats.append(time.monotonic())
                await asyncio.sleep(0.02)

        heart = asyncio.ensure_future(beat())
        rig = OwnerRig(World(customers=6), CONFIG)
        rig.world.run(3, learn=False)
        rig.publish_rows()
        await rig.run()
        heart.cancel()

    asyncio.run(go())
    assert during and min(during) >= 3
