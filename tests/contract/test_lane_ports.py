"""Test what every `LaneLog` and `LaneView` must do, in memory and on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas import topics
from streamer.adapters.kafka import KafkaConnection, KafkaLog, Offsets
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryServer, MemoryView
from streamer.adapters.redis import RedisView, connect
from streamer.adapters.redis_keys import LAYOUT, LaneKeys
from streamer.adapters.topics import create_topics
from streamer.lanes.ports import Fenced, LaneLog, LaneView, Stored, Update, Write, Writes

LANES = 2


@dataclass
class World:
    """One backend: logs and views of lanes, and operations reserved for tests."""

    log: Callable[[int], LaneLog]
    view: Callable[[int], LaneView]
    append: Callable[[int, bytes], Awaitable[None]]
    lose: Callable[[], Awaitable[None]]
    lose_parts: Callable[[str], Awaitable[None]]
    lose_index: Callable[[str], Awaitable[None]]
    committed: Callable[[int], Awaitable[int | None]]
    shown: Callable[[str], Awaitable[bytes | None]]
    due: Callable[[str], Awaitable[dict[str, int]]]
    of_layout: Callable[[int], LaneView]
    """Return lane 0 as seen by a release with this layout, on the same server."""
    layouts: Callable[[], Awaitable[set[int]]]
    """Return the layouts that have any key of lane 0."""


Backend = Callable[[], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def memory() -> AsyncIterator[World]:
    broker, server = MemoryBroker(), MemoryServer()
    views = {0: MemoryView(server), 1: MemoryView()}

    async def append(lane: int, value: bytes) -> None:
        broker.append(topics.EVENTS, lane, Write(b"k", value))

    async def lose() -> None:
        for view in views.values():
            view.lose()

    async def lose_parts(id: str) -> None:
        del views[0].shelf.parts[id]

    async def lose_index(name: str) -> None:
        shelf = views[0].shelf
        if name.startswith("due:"):
            del shelf.dues[name[4:]]
        elif name == "ids":
            shelf.documents.clear()
        elif name == "ledger":
            shelf.ledger = None
        elif name == "counts":
            shelf.counts = None
        else:
            getattr(shelf, name).clear()

    async def committed(lane: int) -> int | None:
        return broker.committed.get(lane)

    async def shown(id: str) -> bytes | None:
        return views[0].shelf.documents.get(id)

    async def due(clock_id: str) -> dict[str, int]:
        return dict(views[0].shelf.dues.get(clock_id, {}))

    async def layouts() -> set[int]:
        return {server.shelf.layout} if server.shelf.parts or server.shelf.ledger else set()

    yield World(
        lambda lane: MemoryLog(broker, lane),
        views.__getitem__,
        append,
        lose,
        lose_parts,
        lose_index,
        committed,
        shown,
        due,
        lambda layout: MemoryView(server, layout),
        layouts,
    )


def real(bootstrap: str, redis_url: str, prefix: str) -> Backend:
    create_topics(bootstrap, prefix=prefix, lanes=LANES)

    @asynccontextmanager
    async def world() -> AsyncIterator[World]:
        connection = KafkaConnection(bootstrap, prefix=prefix, group=prefix)
        offsets, client, keys = Offsets(connection), connect(redis_url), LaneKeys(prefix, 0)
        logs: list[KafkaLog] = []

        def log(lane: int) -> KafkaLog:
            logs.append(KafkaLog.of_lane(connection, offsets, lane))
            return logs[-1]

        async def append(lane: int, value: bytes) -> None:
            await producer.send_and_wait(connection.topic(topics.EVENTS), value, b"k", partition=lane)

        async def lose() -> None:
            await client.flushall()
            await client.function_flush("SYNC")

        async def lose_parts(id: str) -> None:
            assert await client.delete(keys.parts(id)) == 1

        async def lose_index(name: str) -> None:
            assert await client.delete(f"{keys.base}:v{LAYOUT}:{name}") == 1

        async def committed(lane: int) -> int | None:
            found = await admin.list_consumer_group_offsets(prefix)
            held = found.get(TopicPartition(connection.topic(topics.EVENTS), lane))
            return None if held is None else int(held.offset)

        async def shown(id: str) -> bytes | None:
            value = await client.get(keys.document(id))
            assert value is None or isinstance(value, bytes)
            return value

        async def due(clock_id: str) -> dict[str, int]:
            found: Any = await client.zrange(keys.due(clock_id), 0, -1, withscores=True)
            return {id.decode(): int(at) for id, at in found}

        async def layouts() -> set[int]:
            found: list[Any] = await client.keys(keys.pattern)
            marks = {key.decode().removeprefix(f"{keys.base}:").partition(":")[0] for key in found}
            return {int(mark[1:]) for mark in marks - {"customer", "token"}}

        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await offsets.start()
        await producer.start()
        await admin.start()
        try:
            yield World(
                log,
                partial(RedisView, client, prefix=prefix),
                append,
                lose,
                lose_parts,
                lose_index,
                committed,
                shown,
                due,
                lambda layout: RedisView(client, 0, prefix, layout),
                layouts,
            )
        finally:
            for one in logs:
                await one.close()
            await admin.close()
            await producer.stop()
            await offsets.stop()
            await client.aclose()

    return world


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.integration)])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "memory":
        yield memory
        return
    addresses = request.getfixturevalue("addresses")
    yield real(addresses.kafka, request.getfixturevalue("redis_url"), request.getfixturevalue("prefix"))


def run(backend: Backend, test: Callable[[World], Awaitable[None]]) -> None:
    async def go() -> None:
        async with backend() as world:
            await test(world)

    asyncio.run(go())


# -- the log --------------------------------------------------------------------------------------------------


def writes(*names: str, lane: int = 0) -> Writes:
    """Return state records with these names, and a change for each."""
    return {
        (topics.CHANGES, lane): [Write(name.encode(), b"change of " + name.encode(), [("to", b"x")]) for name in names],
        (topics.STATE, lane): [Write(name.encode(), b"state of " + name.encode()) for name in names],
    }


async def changelog(log: LaneLog, start: int = 0) -> list[tuple[int, bytes, bytes | None]]:
    return [record async for chunk in log.changelog(start) for record in chunk]


def test_what_was_committed_is_in_the_changelog(backend: Backend) -> None:
    async def test(world: World) -> None:
        log = world.log(0)
        await log.open()
        assert await changelog(log) == []
        end = await log.commit(writes("ann", "bob"), 5)
        found = await changelog(log)
        assert [(key, value) for _, key, value in found] == [(b"ann", b"state of ann"), (b"bob", b"state of bob")]
        assert end == found[-1][0] + 1, "just after the last record written there"
        later = await log.commit({(topics.STATE, 0): [Write(b"ann", None), Write(b"!ledger", b"{}")]}, 7)
        tail = await changelog(log, end)
        assert [(key, value) for _, key, value in tail] == [(b"ann", None), (b"!ledger", b"{}")]
        assert later == tail[-1][0] + 1
        assert [key for _, key, _ in await changelog(log, later - 1)] == [b"!ledger"]
        assert await changelog(log, later) == []
        assert await world.committed(0) == 7

    run(backend, test)


def test_lanes_are_apart(backend: Backend) -> None:
    async def test(world: World) -> None:
        one, two = world.log(0), world.log(1)
        await one.open()
        await two.open()
        await one.commit(writes("ann"), 1)
        await two.commit(writes("bob", lane=1), 2)
        assert [key for _, key, _ in await changelog(one)] == [b"ann"]
        assert [key for _, key, _ in await changelog(two)] == [b"bob"]
        assert (await world.committed(0), await world.committed(1)) == (1, 2)

    run(backend, test)


def test_a_new_owner_fences_the_old_one(backend: Backend) -> None:
    async def test(world: World) -> None:
        old, new, other = world.log(0), world.log(0), world.log(1)
        await old.open()
        await other.open()
        await old.commit(writes("ann"), 1)
        await new.open()
        with pytest.raises(Fenced):
            await old.commit(writes("zombie"), 2)
        await new.commit(writes("bob"), 2)
        await other.commit(writes("cem", lane=1), 1)
        assert [key for _, key, _ in await changelog(new)] == [b"ann", b"bob"]
        assert await world.committed(0) == 2
        await old.close()
        await old.close()
        await new.commit(writes("dee"), 3)

    run(backend, test)


def test_offsets_of_the_input(backend: Backend) -> None:
    async def test(world: World) -> None:
        log = world.log(0)
        await log.open()
        assert (await log.first_offset(), await log.end_offset()) == (0, 0)
        for number in range(3):
            await world.append(0, b"%d" % number)
        await world.append(1, b"other lane")
        assert (await log.first_offset(), await log.end_offset()) == (0, 3)
        await log.commit({(topics.EVENTS, 0): [Write(None, b"to myself")], (topics.STATE, 0): [Write(b"!", b"")]}, 3)
        assert await log.end_offset() >= 4

    run(backend, test)


def test_a_large_transaction_is_whole(backend: Backend) -> None:
    async def test(world: World) -> None:
        log = world.log(0)
        await log.open()
        names = [f"c{number:05}" for number in range(3_000)]
        big = [Write(name.encode(), name.encode() * 50) for name in names]
        end = await log.commit({(topics.STATE, 0): [*big, Write(b"huge", b"x" * 600_000), Write(b"!ledger", b"l")]}, 9)
        found = await changelog(log)
        assert [key.decode() for _, key, _ in found] == [*names, "huge", "!ledger"]
        assert found[-1][0] + 1 == end
        assert [value for _, _, value in found[-2:]] == [b"x" * 600_000, b"l"]

    run(backend, test)


# -- the view -------------------------------------------------------------------------------------------------


def stored(due: int | None = None, clock_id: str = "", *, born: bool = True, **parts: bytes) -> Stored:
    return Stored({"": b"core", **parts}, b'{"a document": 1}', due, clock_id, born)


EMPTY = Update({}, b"", {})


def test_an_empty_view_has_nothing(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        answer = await view.read(["ann"], {"": 10, "imp": 10}, 5)
        assert (answer.token, answer.customers, answer.due) == (None, {}, [])
        assert await view.ledger() is None
        assert await view.models() == {} and await view.definitions() == {}
        assert await view.ids_after("", 10) == []

    run(backend, test)


def test_a_write_is_read_back_and_parts_are_kept(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        update = Update({"ann": stored(o=b"\x00\xff", r3=b"ring")}, b"ledger", {"value/low": 1}, {"2": b"{}"})
        assert await view.write(None, "l:1", update)
        answer = await view.read(["bob", "ann"], {}, 5)
        assert answer.token == "l:1"
        assert answer.customers == {"ann": {"": b"core", "o": b"\x00\xff", "r3": b"ring"}}
        assert (await view.ledger(), await view.models()) == (b"ledger", {"2": b"{}"})
        assert await world.shown("ann") == b'{"a document": 1}'
        only_core = Stored({"": b"core 2"}, b"{}", None, "")
        assert await view.write("l:1", "l:2", Update({"ann": only_core}, b"ledger 2", {}, {"3": b"m"}, (), {7: b"[x]"}))
        assert (await view.read(["ann"], {}, 5)).customers["ann"] == {"": b"core 2", "o": b"\x00\xff", "r3": b"ring"}
        assert (await view.ledger(), await view.models()) == (b"ledger 2", {"2": b"{}", "3": b"m"})
        assert await view.write("l:2", "l:2b", Update({}, b"ledger 2", {}, {}, (), {8: b"[y]", 7: b"[z]"}))
        assert await view.definitions() == {7: b"[z]", 8: b"[y]"}
        parts_only = Stored({"o": b"book"}, None, None, "")
        assert await view.write("l:2b", "l:3", Update({"ann": parts_only}, b"", {}))
        assert (await view.read(["ann"], {}, 5)).customers["ann"]["o"] == b"book"
        assert await view.ledger() == b"ledger 2", "an empty ledger changes nothing"
        assert await world.shown("ann") == b"{}"

    run(backend, test)


def test_a_write_compares_and_sets_the_token(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        assert not await view.write("l:1", "l:2", replace(EMPTY, ledger=b"late"))
        assert await view.write(None, "l:1", replace(EMPTY, ledger=b"first"))
        assert not await view.write(None, "l:9", replace(EMPTY, ledger=b"other"))
        assert not await view.write("l:0", "l:9", replace(EMPTY, ledger=b"other"))
        assert await view.ledger() == b"first"
        assert await view.write("l:1", "l:2", Update({"ann": stored(due=5)}, b"second", {}))
        assert await view.write("l:1", "l:2", Update({"ann": stored(due=9)}, b"again", {})), "it is done already"
        assert await view.ledger() == b"second" and await world.due("") == {"ann": 5}
        assert (await world.view(1).read([], {}, 0)).token is None, "lanes are apart"

    run(backend, test)


def test_wipe_empties_the_lane_and_only_it(backend: Backend) -> None:
    async def test(world: World) -> None:
        one, two = world.view(0), world.view(1)
        people = {"ann": stored(5, "imp", o=b"o"), "bob": stored(6)}
        full = Update(people, b"ledger", {"value/low": 2}, {"1": b"m"}, (), {2: b"[x]"})
        assert await one.write(None, "l:1", full) and await two.write(None, "m:1", full)
        await one.wipe("restoring:x")
        answer = await one.read(["ann", "bob"], {"": 99, "imp": 99}, 9)
        assert (answer.token, answer.customers, answer.due) == ("restoring:x", {}, [])
        assert (await one.ledger(), await one.models(), await one.ids_after("", 9)) == (None, {}, [])
        assert await one.definitions() == {} and await two.definitions() == {2: b"[x]"}
        assert await world.shown("ann") is None
        assert not await one.write("l:1", "l:2", EMPTY)
        assert await one.write("restoring:x", "l:2", EMPTY)
        kept = await two.read(["ann", "bob"], {"": 99, "imp": 99}, 9)
        assert (kept.token, set(kept.customers), set(kept.due)) == ("m:1", {"ann", "bob"}, {"ann", "bob"})

    run(backend, test)


def test_who_is_due_by_which_clock(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        people = {"ann": stored(30), "bob": stored(10), "cem": stored(20), "dee": stored(), "eve": stored(15, "imp")}
        assert await view.write(None, "l:1", Update(people, b"l", {}))
        assert (await view.read([], {"": 20}, 9)).due == ["bob", "cem"], "the clock's instant counts, earliest first"
        assert (await view.read([], {"": 9}, 9)).due == []
        assert (await view.read([], {"imp": 15}, 9)).due == ["eve"]
        assert (await view.read([], {"": 99, "imp": 99}, 9)).due == ["bob", "cem", "ann", "eve"]
        assert (await view.read([], {"": 99, "imp": 99}, 2)).due == ["bob", "cem"]
        assert (await view.read([], {"": 10, "imp": 99}, 2)).due == ["bob", "eve"]
        assert (await view.read([], {"": 99}, 0)).due == []
        moved = {"bob": stored(50, born=False), "cem": stored(born=False), "ann": stored(31, "imp", born=False)}
        assert await view.write("l:1", "l:2", Update(moved, b"l", {}))
        assert await world.due("") == {"bob": 50}
        assert await world.due("imp") == {"eve": 15, "ann": 31}
        assert await view.write("l:2", "l:3", Update({"eve": stored(16, born=False)}, b"l", {}))
        assert (await world.due(""), await world.due("imp")) == ({"bob": 50, "eve": 16}, {"ann": 31})

    run(backend, test)


def test_a_restore_that_calls_everybody_new_leaves_no_stale_due(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        assert await view.write(None, "l:1", Update({"ann": stored(10), "bob": stored(10, "imp")}, b"l", {}))
        assert await view.write("l:1", "l:2", Update({"ann": stored(), "bob": stored(None, "imp")}, b"l", {}))
        assert (await world.due(""), await world.due("imp")) == ({}, {})

    run(backend, test)


def test_a_closed_clock_joins_the_lanes(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        people = {"ann": stored(10), "bob": stored(20, "imp"), "cem": stored(30, "imp"), "dee": stored(40, "other")}
        assert await view.write(None, "l:1", Update(people, b"l", {}))
        closing = Update({"cem": stored(31, born=False)}, b"l", {}, closed=["imp", "never heard of"])
        assert await view.write("l:1", "l:2", closing)
        assert await world.due("") == {"ann": 10, "bob": 20, "cem": 31}
        assert (await world.due("imp"), await world.due("other")) == ({}, {"dee": 40})
        assert (await view.read([], {"": 25, "imp": 99}, 9)).due == ["ann", "bob"]

    run(backend, test)


def test_customers_are_removed_with_all_that_is_theirs(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        people = {"ann": stored(10, o=b"o"), "bob": stored(20, "imp")}
        assert await view.write(None, "l:1", Update(people, b"l", {}))
        assert await view.write("l:1", "l:2", Update({"ann": None, "bob": None, "nobody": None}, b"l", {}))
        assert (await view.read(["ann", "bob"], {"": 99, "imp": 99}, 9)).customers == {}
        assert (await world.due(""), await world.due("imp"), await world.shown("ann")) == ({}, {}, None)
        assert await view.ids_after("", 9) == []

    run(backend, test)


def test_who_comes_back_has_nothing_of_what_was_removed(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        assert await view.write(None, "l:1", Update({"ann": stored(10, "imp", o=b"o")}, b"l", {}))
        back = Stored({"": b"new"}, b"{}", 30, "", born=True, fresh=True)
        assert await view.write("l:1", "l:2", Update({"ann": back}, b"l", {}))
        assert (await view.read(["ann"], {}, 9)).customers == {"ann": {"": b"new"}}
        assert (await world.due(""), await world.due("imp")) == ({"ann": 30}, {})
        assert await view.ids_after("", 9) == ["ann"]
        # An alias is not a customer: it has a part and nothing else.
        alias = Stored({"a": b"alias"}, None, None, "", fresh=True, alias=True)
        assert await view.write("l:2", "l:3", Update({"ann": alias}, b"l", {}))
        assert (await view.read(["ann"], {"": 99}, 9)).customers == {"ann": {"a": b"alias"}}
        assert (await world.due(""), await world.shown("ann"), await view.ids_after("", 9)) == ({}, None, [])

    run(backend, test)


def test_erases_are_remembered_and_forgotten(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        assert await view.write(None, "l:1", Update({}, b"l", {}, erased={"h1": b"[1,2]", "h2": b"[3,4]"}))
        assert await view.write("l:1", "l:2", Update({}, b"l", {}, erased={"h1": b"", "h3": b"[5,6]"}))
        assert await view.erased() == {"h2": b"[3,4]", "h3": b"[5,6]"}

    run(backend, test)


def test_a_note_of_trouble_is_outside_of_the_token_and_of_a_wipe(backend: Backend) -> None:
    async def check(world: World) -> None:
        view = world.view(0)
        assert await view.trouble() is None
        await view.note_trouble(b"note")
        await view.wipe("t1")
        assert (await view.trouble(), await world.view(1).trouble()) == (b"note", None)
        await view.note_trouble(None)
        await view.note_trouble(None)
        assert await view.trouble() is None and (await view.read([], {}, 0)).token == "t1"

    run(backend, check)


def test_a_customer_whose_parts_are_lost_is_not_taken_for_a_new_one(backend: Backend) -> None:
    async def check(world: World) -> None:
        view = world.view(0)
        held = {id: stored() for id in ("ann", "bob", "cem")}
        aliases = {id: Stored({"a": b"alias"}, None, None, "", alias=True) for id in ("old", "older")}
        assert await view.write(None, "l:1", Update({**held, **aliases}, b"l", {}))
        await world.lose_parts("bob")
        await world.lose_parts("older")
        answer = await view.read(["ann", "bob", "old", "older", "zoe"], {}, 5)
        assert (set(answer.customers), answer.lost, answer.count) == ({"ann", "old"}, ["bob", "older"], 3)
        # An alias that is erased, or becomes a customer again, is no longer an alias.
        assert await view.write("l:1", "l:2", Update({"older": None, "old": stored()}, b"l", {}))
        await world.lose_parts("old")
        answer = await view.read(["old", "older"], {}, 5)
        assert (answer.customers, answer.lost, answer.count, answer.whole) == ({}, ["old"], 4, True)

    run(backend, check)


INDEXES = ("due:", "due:imp", "ids", "aliases", "models", "definitions", "erased", "sizes", "ledger", "counts")


@pytest.mark.parametrize("lost", INDEXES)
def test_an_index_that_was_lost_alone_is_noticed_by_reads_and_writes(backend: Backend, lost: str) -> None:
    async def check(world: World) -> None:
        view = world.view(0)
        alias = Stored({"a": b"alias"}, None, None, "", alias=True)
        people = {"ann": stored(10), "bob": stored(20, "imp"), "cem": stored(), "old": alias}
        full = Update(people, b"l", {"value/low": 3}, {"1": b"m"}, (), {2: b"[x]"}, {"h": b"[1,2]"})
        assert await view.write(None, "l:1", full)
        assert await view.write("l:1", "l:2", Update({"cem": stored(5, born=False)}, b"l", {"value/low": 3}))
        answer = await view.read([], {}, 0)
        assert (answer.whole, answer.taken) == (True, True)
        await world.lose_index(lost)
        answer = await view.read([], {}, 0)
        assert (answer.whole, answer.taken, answer.token) == (False, True, "l:2")
        assert not await view.write("l:2", "l:3", EMPTY)
        assert await view.write("l:1", "l:2", full), "it is done already"
        await view.wipe("restoring:x")
        assert (await view.read([], {}, 0)).whole and await view.write("restoring:x", "l:3", full)
        assert (await view.read([], {}, 0)).whole
        await world.lose()
        answer = await view.read([], {}, 0)
        assert (answer.whole, answer.taken, answer.token) == (True, False, None)
        await view.ready()

    run(backend, check)


def test_ids_come_in_byte_order(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        ids = ["b", "B", "a10", "a9", "_", "a", "a:b@c+d-e.f", "1", "Z" * 128]
        assert await view.write(None, "l:1", Update({id: stored() for id in ids}, b"l", {}))
        ordered = sorted(ids, key=str.encode)
        assert await view.ids_after("", 99) == ordered
        assert await view.ids_after("", 3) == ordered[:3]
        assert await view.ids_after("a", 2) == [id for id in ordered if id > "a"][:2]
        assert await view.ids_after("a~", 99) == ["b"], "the place need not be anybody's"
        assert await view.ids_after(ordered[-1], 9) == []

    run(backend, test)


def test_a_server_that_lost_everything_is_an_empty_view(backend: Backend) -> None:
    """Data and functions are gone: the token reveals it, and reads and writes work again at once."""

    async def test(world: World) -> None:
        view = world.view(0)
        assert await view.write(None, "l:1", Update({"ann": stored(10)}, b"l", {}))
        await world.lose()
        assert not await view.write("l:1", "l:2", Update({"bob": stored()}, b"l", {}))
        await world.lose()
        answer = await view.read(["ann"], {"": 99}, 9)
        assert (answer.token, answer.customers, answer.due) == (None, {}, [])
        await view.wipe("restoring:x")
        await world.lose()
        await view.wipe("restoring:y")
        assert await view.write("restoring:y", "l:2", Update({"ann": stored(10)}, b"l", {}))
        assert (await view.read(["ann"], {"": 99}, 9)).due == ["ann"]

    run(backend, test)


def test_two_releases_on_one_server_take_the_lane_from_each_other(backend: Backend) -> None:
    """A worker with another layout finds none of our data, cannot write, and deletes all of it when it restores the lane."""
    full = Update(
        {"ann": stored(10, o=b"o")}, b"ledger", {"value/low": 1}, {"1": b"m"}, (), {2: b"[x]"}, {"h": b"[1,2]"}
    )
    later = replace(full, customers={"bob": stored(20, born=True)})

    async def finds_nothing(view: LaneView) -> None:
        answer = await view.read(["ann", "bob"], {"": 99}, 9)
        assert (answer.token, answer.customers, answer.due) == (None, {}, [])
        assert await view.ledger() is None and await view.ids_after("", 9) == []
        assert await view.models() == {} and await view.definitions() == {} and await view.erased() == {}

    async def test(world: World) -> None:
        ours, theirs = world.of_layout(LAYOUT), world.of_layout(LAYOUT + 1)
        for view, other, layout in ((ours, theirs, LAYOUT), (theirs, ours, LAYOUT + 1), (ours, theirs, LAYOUT)):
            # The same after the other one: what it left is gone, and its late writes are refused.
            await view.wipe("restoring:x")
            assert await world.layouts() == set() and await world.shown("ann") is None
            assert not await other.write("l:1", "l:2", later)
            assert await view.write("restoring:x", "l:1", full)
            assert await world.layouts() == {layout}
            # The token reads the same in both, but means something else.
            await finds_nothing(other)
            assert await world.shown("ann") == b'{"a document": 1}', "documents are for everybody"
            for expected, token in ((None, "l:2"), ("l:1", "l:2"), ("l:0", "l:1"), (None, "l:1")):
                assert not await other.write(expected, token, later)
            answer = await view.read(["ann", "bob"], {"": 99}, 9)
            assert (answer.token, set(answer.customers), answer.due) == ("l:1", {"ann"}, ["ann"])
            assert await world.shown("bob") is None and await world.layouts() == {layout}

    run(backend, test)


def test_many_customers_at_once(backend: Backend) -> None:
    async def test(world: World) -> None:
        view = world.view(0)
        people = {f"c{number:05}": stored(number, o=b"x" * 40) for number in range(2_500)}
        assert await view.write(None, "l:1", Update(people, b"l", {"value/low": 2_500}))
        answer = await view.read(list(people), {"": 10**6}, 500)
        assert len(answer.customers) == 2_500 and len(answer.due) == 500
        assert await view.ids_after("c02400", 500) == [f"c{number:05}" for number in range(2_401, 2_500)]

    run(backend, test)
