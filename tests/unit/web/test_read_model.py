"""Test the read model: each record counts once, erased customers leave nothing, pages are stable."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.changes import Membership, encode_memberships
from schemas.records import Record
from schemas.wire_time import iso
from streamer.act.heart.state import OWNER
from streamer.act.ports import Fetched
from streamer.web.readmodel import tables
from streamer.web.readmodel.feeder import READ, Feeder
from streamer.web.readmodel.reading import Place, Reader
from streamer.web.readmodel.store import Writer

STAYING = int(os.environ.get("MEMBERS_STAYING", "500"))
COMING = int(os.environ.get("MEMBERS_MOVING", "500"))
"""`MEMBERS_STAYING=198000 MEMBERS_MOVING=2000` pages through a shop."""
DAY = 86_400_000
NOW = 20_000 * DAY


def day_of(at: int) -> int:
    return at // DAY


def membership(customer: str, seq: int, **segments: tuple[str, int]) -> tuple[bytes, bytes | None]:
    held = {name: Membership(id, id.title(), since, 1) for name, (id, since) in segments.items()}
    return customer.encode(), encode_memberships(customer, seq, NOW, held)


def change(customer: str, seq: int, before: str | None, after: str | None, cause: str = "event", at: int = NOW) -> Any:
    def ref(id: str | None) -> dict[str, str] | None:
        return None if id is None else {"id": id, "name": id.title()}

    body = {
        "event_id": f"{customer}-{seq}",
        "customer_id": customer,
        "seq": seq,
        "segmentation": "lifecycle",
        "from": ref(before),
        "to": ref(after),
        "cause": cause,
        "automation_safe": cause == "event",
        "changed_at": iso(at),
        "reasons": [{"feature": "orders", "before": 0.0, "after": 1.0, "border": 1.0}],
        "features": {"orders": 1.0},
    }
    return customer.encode(), json.dumps(body).encode()


def step(customer: str, id: str, type: str, at: int = NOW, **more: str) -> tuple[bytes, bytes]:
    return customer.encode(), json.dumps(
        {"customer_id": customer, "message_id": id, "type": type, "at": iso(at), **more}
    ).encode()


def fetched(topic: str, records: Sequence[tuple[bytes, bytes | None]], start: int = 0) -> Fetched:
    made = [Record(0, start + number, NOW, key, value) for number, (key, value) in enumerate(records)]
    return Fetched((topic, 0), made, start + len(made))


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "web.sqlite", "here", day_of)


def test_members_follow_their_memberships(writer: Writer) -> None:
    writer.apply([fetched(topics.MEMBERSHIPS, [membership("ann", 1, lifecycle=("new", 5), value=("low", 5))])])
    writer.apply([fetched(topics.MEMBERSHIPS, [membership("ann", 2, lifecycle=("active", 9))], 1)])
    reader = Reader(writer.path)
    assert reader.counts() == {"lifecycle": {"active": 1}}
    assert reader.members("lifecycle", "active") == [Place(9, "ann")]
    assert writer.positions() == {(topics.MEMBERSHIPS, 0): 2}


def test_a_move_keeps_its_reasons_and_counts_in_the_flow_of_its_day(writer: Writer) -> None:
    records = [change("ann", 1, None, "new"), change("ann", 2, "new", "active"), change("bob", 1, None, "new")]
    writer.apply([fetched(topics.CHANGES, records)])
    reader = Reader(writer.path)
    latest, first = reader.history("ann")
    assert (latest["seq"], latest["from"]["id"], latest["to"]["name"]) == (2, "new", "Active")
    assert latest["reasons"][0]["feature"] == "orders" and first["from"] is None
    assert reader.history("ann", before=2) == [first]
    assert [(flow.before, flow.after, flow.customers) for flow in reader.flows("lifecycle", 20_000, 20_000)] == [
        ("", "new", 2),
        ("new", "active", 1),
    ]
    assert not list(reader.flows("lifecycle", 19_000, 19_999))


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


ERASED = "erased-person@example.org"
HISTORY = [
    change(ERASED, 1, None, "new"),
    change(ERASED, 2, "new", "active"),
    change(ERASED, 3, "active", None, "erase"),
]
BACK = [change("back", 1, None, "new", at=NOW - 1), change("back", 2, "new", None, "erase")]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_who_is_erased_leaves_nothing_whichever_topic_is_read_first(writer: Writer, order: tuple[int, ...]) -> None:
    parts = [
        fetched(topics.MEMBERSHIPS, [membership(ERASED, 2, lifecycle=("active", 9)), (ERASED.encode(), None)]),
        fetched(topics.CHANGES, HISTORY),
        fetched(topics.MESSAGES, [step(ERASED, "m1", "message.planned"), step(ERASED, "m1", "message.dropped")]),
    ]
    for part in order:
        writer.apply([parts[part]])
    reader = Reader(writer.path)
    # If its steps arrive first, the later null value deletes them.
    assert (reader.history(ERASED), reader.counts(), reader.messages(ERASED)) == ([], {}, [])
    writer.checkpoint()
    assert ERASED.encode() not in everything(writer.path)


@pytest.mark.parametrize("cause", ["erase", "merge"])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_a_file_filled_anew_needs_no_tombstone(writer: Writer, order: tuple[int, ...], cause: str) -> None:
    later = change("back", 1, None, "new", at=NOW + 9)
    steps = [
        step(ERASED, "m1", "message.planned"),
        step(ERASED, "m1", "message.dropped", NOW + 5, gate="erased"),
        step("back", "m2", "message.sent", NOW - 1),
        step("back", "m3", "message.sent", NOW + 9),
    ]
    parts = [
        fetched(topics.MEMBERSHIPS, [membership("back", 1, lifecycle=("new", NOW + 9))]),
        fetched(topics.CHANGES, [*HISTORY[:2], change(ERASED, 3, "active", None, cause), *BACK, later]),
        fetched(topics.MESSAGES, steps),
    ]
    for part in order:
        writer.apply([parts[part]])
    reader = Reader(writer.path)
    assert (reader.history(ERASED), reader.messages(ERASED)) == ([], [])
    assert [one["message_id"] for one in reader.messages("back")] == ["m3"]
    assert [one["seq"] for one in reader.history("back")] == [1]
    writer.checkpoint()
    assert ERASED.encode() not in everything(writer.path)


def test_a_merge_that_does_not_end_a_membership_deletes_nothing(writer: Writer) -> None:
    writer.apply([fetched(topics.CHANGES, [change("ann", 1, None, "new"), change("ann", 2, "new", "active", "merge")])])
    assert [one["seq"] for one in Reader(writer.path).history("ann")] == [2, 1]


def test_a_report_to_the_owner_is_a_message_of_no_customer(writer: Writer) -> None:
    writer.apply([fetched(topics.MESSAGES, [step(OWNER, "m1", "message.sent"), step("ann", "m2", "message.sent")])])
    reader = Reader(writer.path)
    assert (len(reader.messages(OWNER)), len(reader.messages("ann"))) == (0, 1)


def test_who_comes_back_is_there_again(writer: Writer) -> None:
    back = [(b"ann", None), membership("ann", 1, lifecycle=("new", 7))]
    writer.apply([fetched(topics.MEMBERSHIPS, back), fetched(topics.MESSAGES, [step("ann", "m2", "message.sent")])])
    reader = Reader(writer.path)
    assert reader.members("lifecycle", "new") == [Place(7, "ann")]
    assert [one["message_id"] for one in reader.messages("ann")] == ["m2"]


@pytest.mark.parametrize("order", ["since", "id"])
def test_who_stays_is_seen_once_while_others_come_and_go(writer: Writer, order: Any) -> None:
    chance = random.Random(7)
    stay = {f"s{number:06}": chance.randrange(1_000) for number in range(STAYING)}
    come = [f"c{number:06}" for number in range(COMING)]
    records = [membership(id, 1, lifecycle=("new", since)) for id, since in stay.items()]
    # Some of those who come and go are there at the start.
    records += [membership(id, 1, lifecycle=("new", chance.randrange(1_000))) for id in come[::2]]
    offset, limit = 0, max(37, STAYING // 200)
    for start in range(0, len(records), 4_000):
        writer.apply([fetched(topics.MEMBERSHIPS, records[start : start + 4_000], offset)])
        offset += len(records[start : start + 4_000])
    reader, seen, after, moves = Reader(writer.path), list[Place](), None, 0
    while page := reader.members("lifecycle", "new", after=after, limit=limit, order=order):
        seen += page
        after = page[-1]
        moved = [membership(id, 2, lifecycle=("new", chance.randrange(2_000))) for id in chance.sample(come, 40)]
        moved += [(id.encode(), None) for id in chance.sample(come, 40)]
        writer.apply([fetched(topics.MEMBERSHIPS, moved, offset)])
        offset += len(moved)
        moves += len(moved)
    assert moves >= COMING
    found = [place.customer for place in seen if place.customer in stay]
    assert sorted(found) == sorted(stay)
    assert {place.customer for place in seen} - stay.keys(), "others were seen too"


def test_ids_are_found_by_their_beginning(writer: Writer) -> None:
    ids = ["ann", "anna", "bob", "anß", "an\U0001f600"]
    writer.apply([fetched(topics.MEMBERSHIPS, [membership(id, 1, lifecycle=("new", 1)) for id in ids])])
    assert Reader(writer.path).customers("an") == ["ann", "anna", "anß", "an\U0001f600"]
    assert Reader(writer.path).customers("", limit=2) == ["ann", "anna"]


def test_old_moves_go(writer: Writer) -> None:
    old = NOW - 401 * DAY
    writer.apply([fetched(topics.CHANGES, [change("ann", 1, None, "new", at=old), change("ann", 2, "new", "active")])])
    writer.prune()
    reader = Reader(writer.path)
    assert [move["seq"] for move in reader.history("ann")] == [2]
    assert [flow.day for flow in reader.flows("lifecycle", 0, 30_000)] == [20_000]


def test_a_file_of_another_service_or_layout_or_a_broken_one_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "web.sqlite"
    first = Writer(path, "here", day_of)
    first.apply([fetched(topics.MEMBERSHIPS, [membership("ann", 1, lifecycle=("new", 1))])])
    first.close()
    assert Writer(path, "here", day_of).positions()
    assert not Writer(path, "elsewhere", day_of).positions()
    tables.remove(path)
    path.write_bytes(b"not a database" * 1_000)
    assert not Writer(path, "here", day_of).positions()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_has_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "web.sqlite"
    with monkeypatch.context() as broken:
        broken.setattr(tables, "_TABLES", "CREATE nothing")
        with pytest.raises(sqlite3.OperationalError):
            tables.prepare(path, "here")
    assert not path.exists()
    assert tables.prepare(path, "here")
    with closing(Reader(path)) as reader:
        assert reader.counts() == {}
    assert [file.name for file in tmp_path.iterdir()] == ["web.sqlite"]


def test_the_file_is_there_before_anything_is_read(tmp_path: Path) -> None:
    feeder = Feeder(tmp_path / "web.sqlite", "here", day_of, Topics().reader)
    asyncio.run(feeder.prepare())
    with closing(Reader(feeder.path)) as reader:
        assert list(reader.flows("lifecycle", 0, 30_000)) == []


class Topics:
    """Topics in memory that feed a `Feeder`; each reader is one of its inputs."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[tuple[bytes, bytes | None]]] = {(topic, 0): [] for topic in READ}
        self.opened = 0

    def reader(self) -> _Inputs:
        self.opened += 1
        return _Inputs(self)


class _Inputs:
    def __init__(self, of: Topics) -> None:
        self._of = of
        self._at: dict[tuple[str, int], int] = {}

    async def open(self, starts: Any) -> None:
        self._at = {source: starts.get(source, 0) for source in self._of.logs}

    async def poll(self, seconds: float) -> list[Fetched]:
        await asyncio.sleep(0.001)
        found = []
        for source, log in self._of.logs.items():
            start = self._at[source]
            if some := log[start : start + 3]:
                found.append(fetched(source[0], some, start))
                self._at[source] = start + len(some)
        return found

    async def ends(self, topic: str) -> dict[tuple[str, int], int]:
        return {source: len(log) for source, log in self._of.logs.items() if source[0] == topic}

    async def close(self) -> None:
        pass


def test_a_file_of_topics_that_were_made_anew_is_filled_again(tmp_path: Path) -> None:
    """Even if they have grown beyond the positions meanwhile, while the process runs and while it does not."""
    inputs, made = Topics(), ["first"]

    def customers(name: str) -> None:
        inputs.logs[topics.CHANGES, 0] = [change(f"{name}{number}", 1, None, "new") for number in range(20)]
        inputs.logs[topics.MEMBERSHIPS, 0] = [
            membership(f"{name}{number}", 1, lifecycle=("new", number)) for number in range(20)
        ]

    def found() -> set[str]:
        try:
            with closing(Reader(tmp_path / "web.sqlite")) as reader:
                return {place.customer[0] for place in reader.members("lifecycle", "new", limit=100)}
        except sqlite3.Error:
            return set()

    async def until(name: str) -> None:
        feeder = Feeder(tmp_path / "web.sqlite", "here", day_of, inputs.reader, lambda: {topics.CHANGES: made[0]})
        task = asyncio.ensure_future(feeder.follow())
        async with asyncio.timeout(10):
            await feeder.current.wait()
            assert found() == {name}
            customers("c")
            made[0], feeder._upkeep_at = f"after {name}", 0.0
            while found() != {"c"}:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    customers("a")
    asyncio.run(until("a"))
    customers("b")
    made[0] = "while nothing ran"
    asyncio.run(until("b"))


def test_only_another_id_of_a_topic_makes_a_file_that_of_other_topics(writer: Writer) -> None:
    whole = {topics.CHANGES: "1", topics.MEMBERSHIPS: "2"}
    assert writer.belongs_to({}) and writer.belongs_to(whole)
    # A broker that has just started may not know them all, and an old one has no ids.
    assert writer.belongs_to({topics.CHANGES: "1"}) and writer.belongs_to({})
    assert writer.belongs_to({**whole, topics.MESSAGES: "3"})
    assert not writer.belongs_to({**whole, topics.MESSAGES: "4"}) and not writer.belongs_to({topics.CHANGES: "9"})
    assert writer.belongs_to(whole)


def test_a_feeder_that_is_stopped_anywhere_counts_each_record_once(tmp_path: Path) -> None:
    inputs = Topics()
    for number in range(100):
        inputs.logs[topics.CHANGES, 0].append(change(f"c{number}", 1, None, "new"))
        inputs.logs[topics.MEMBERSHIPS, 0].append(membership(f"c{number}", 1, lifecycle=("new", number)))
    chance = random.Random(3)

    async def run() -> None:
        for _ in range(12):
            task = asyncio.ensure_future(Feeder(tmp_path / "web.sqlite", "here", day_of, inputs.reader).follow())
            await asyncio.sleep(chance.random() * 0.05)
            task.cancel()
            await asyncio.wait([task])
        last = Feeder(tmp_path / "web.sqlite", "here", day_of, inputs.reader)
        task = asyncio.ensure_future(last.follow())
        await asyncio.wait_for(last.current.wait(), 10)
        task.cancel()

    asyncio.run(run())
    reader = Reader(tmp_path / "web.sqlite")
    assert reader.counts() == {"lifecycle": {"new": 100}}
    assert sum(flow.customers for flow in reader.flows("lifecycle", 0, 30_000)) == 100


def test_a_feeder_is_current_when_it_has_read_everything_and_not_before(tmp_path: Path) -> None:
    inputs = Topics()
    inputs.logs[topics.MEMBERSHIPS, 0] += [membership(f"c{n}", 1, lifecycle=("new", n)) for n in range(20)]

    class Late(_Inputs):
        """Kafka's first answer takes longer than a poll."""

        polls = 0

        async def poll(self, seconds: float) -> list[Fetched]:
            self.polls += 1
            return await super().poll(seconds) if self.polls > 3 else []

    async def run() -> None:
        feeder = Feeder(tmp_path / "web.sqlite", "here", day_of, lambda: Late(inputs))
        task = asyncio.ensure_future(feeder.follow())
        await asyncio.wait_for(feeder.current.wait(), 10)
        assert len(_ids(feeder.path)) == 20
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


def test_a_feeder_catches_up_with_what_was_committed_when_it_is_asked(tmp_path: Path) -> None:
    inputs, held = Topics(), asyncio.Event()
    log = inputs.logs[topics.MEMBERSHIPS, 0]

    class Slow(_Inputs):
        """Returns nothing while it is held."""

        async def poll(self, seconds: float) -> list[Fetched]:
            return await super().poll(seconds) if held.is_set() else []

    async def run() -> None:
        held.set()
        feeder = Feeder(tmp_path / "web.sqlite", "here", day_of, lambda: Slow(inputs))
        assert not await feeder.catches_up(1), "nothing is read yet"
        task = asyncio.ensure_future(feeder.follow())
        await asyncio.wait_for(feeder.filled.wait(), 10)
        for number in range(20):
            log.append(membership(f"c{number}", 1, lifecycle=("new", number)))
            assert await feeder.catches_up(10)
            assert len(_ids(feeder.path)) == number + 1
        held.clear()
        await asyncio.sleep(0.05)
        assert await feeder.catches_up(10), "there is nothing that it has not read"
        log.append(membership("late", 1, lifecycle=("new", 1)))
        assert not await feeder.catches_up(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert not await feeder.catches_up(1), "nothing is read any more"

    asyncio.run(run())


def test_a_feeder_is_filled_though_records_never_cease(tmp_path: Path) -> None:
    inputs = Topics()
    inputs.logs[topics.CHANGES, 0] += [change(f"c{n}", 1, None, "new") for n in range(20)]

    class Busy(_Inputs):
        """A record arrives before each poll."""

        async def poll(self, seconds: float) -> list[Fetched]:
            inputs.logs[topics.CHANGES, 0].append(change(f"d{len(inputs.logs[topics.CHANGES, 0])}", 1, None, "new"))
            return await super().poll(seconds)

    async def run() -> None:
        feeder = Feeder(tmp_path / "web.sqlite", "here", day_of, lambda: Busy(inputs))
        task = asyncio.ensure_future(feeder.follow())
        await asyncio.wait_for(feeder.filled.wait(), 10)
        with closing(Reader(feeder.path)) as reader:
            assert sum(flow.customers for flow in reader.flows("lifecycle", 0, 30_000)) >= 20
        await asyncio.sleep(0.1)
        assert feeder.filled.is_set()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


@pytest.mark.parametrize("fault", ["deleted", "damaged", "topics made anew"])
def test_a_feeder_fills_the_file_again(tmp_path: Path, fault: str) -> None:
    path, inputs = tmp_path / "web.sqlite", Topics()
    inputs.logs[topics.MEMBERSHIPS, 0] += [membership(f"c{n}", 1, lifecycle=("new", n)) for n in range(20)]

    async def run() -> None:
        feeder = Feeder(path, "here", day_of, inputs.reader)
        task = asyncio.ensure_future(feeder.follow())
        await asyncio.wait_for(feeder.current.wait(), 10)
        if fault == "deleted":
            tables.remove(path)
        else:
            task.cancel()
            await asyncio.wait([task])
            if fault == "damaged":
                path.write_bytes(b"\0" * 100_000)
            else:
                inputs.logs[topics.MEMBERSHIPS, 0][:] = [membership("other", 1, lifecycle=("new", 1))]
            task = asyncio.ensure_future(Feeder(path, "here", day_of, inputs.reader).follow())
        inputs.logs[topics.MEMBERSHIPS, 0].append(membership("last", 1, lifecycle=("new", 1)))
        wanted = {"other", "last"} if fault == "topics made anew" else {f"c{n}" for n in range(20)} | {"last"}
        for _ in range(500):
            await asyncio.sleep(0.02)
            if _ids(path) == wanted:
                break
        task.cancel()
        await asyncio.wait([task])
        assert _ids(path) == wanted

    asyncio.run(run())


def _ids(path: Path) -> set[str]:
    try:
        return set(Reader(path).customers("", 1_000))
    except sqlite3.Error:
        return set()
