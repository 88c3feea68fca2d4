"""Test ``streamer segments members`` over HTTP: the rows and order of a scan of Redis, for permitted callers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import pytest
from heart_logs import DAY, T0, Driver, LogMaker, order
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from models.prediction.model import PredictionModel
from schemas import topics
from schemas.changes import Membership, encode_memberships
from schemas.endpoints import ENDPOINTS
from schemas.partition import partition_for
from schemas.records import Record
from streamer.client import home_pass
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy
from streamer.queries.members import members, row
from streamer.web.api import site
from streamer.web.api.guards import Guard, Limits
from streamer.web.api.member_rows import MemberRows
from streamer.web.api.tokens import FILE, Tokens
from streamer.web.readmodel.feeder import Feeder
from streamer.web.readmodel.store import Writer

LANES = 3
PEOPLE = [f"c{number:03}" for number in range(40)] + ["é", "Z", "顾客"]
ROWS = next(one for one in ENDPOINTS if one.id == "member_rows")


class View:
    """Redis as lanes of a service fill it (`tests/integration/test_lookup_api.py` uses the real one)."""

    def __init__(self, drivers: Sequence[Driver]) -> None:
        self.lanes = len(drivers)
        self.drivers = drivers
        self.read: list[str] = []
        self.closed = False

    def customers(self, lane: int) -> Iterator[dict[str, dict[str, bytes]]]:
        yield dict(sorted(self.drivers[lane].parts.items()))

    def these(self, lane: int, ids: Sequence[str]) -> dict[str, dict[str, bytes]]:
        self.read += ids
        held = self.drivers[lane].parts
        return {id: held[id] for id in ids if id in held}

    def ledgers(self) -> list[Ledger]:
        return [one.state.ledger for one in self.drivers]

    def predictions(self, lane: int) -> dict[int, PredictionModel]:
        return dict(self.drivers[lane].state.predictions)

    def definitions(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def drivers() -> list[Driver]:
    policy = Policy(lanes=LANES)
    found = []
    for lane in range(LANES):
        driver, log = Driver(policy, lane), LogMaker(partition=lane)
        for place, id in enumerate(PEOPLE):
            if partition_for(id.encode(), LANES) == lane:
                log.event(order(f"{id}-1", id, T0 + place % 5 * DAY, 40.0), now=T0 + 5 * DAY)
                if place % 3 == 0:
                    log.event(order(f"{id}-2", id, T0 + 6 * DAY, 60.0), now=T0 + 6 * DAY)
        driver.feed(log.records)
        found.append(driver)
    return found


class World:
    """An application over a view and a read model, in one home."""

    def __init__(self, drivers: Sequence[Driver], home: Path, *, behind: bool = False) -> None:
        self.view, self.policy, self.home = View(drivers), drivers[0].policy, home
        path = home / "web.sqlite"
        with closing(Writer(path, "here", self.policy.grid.day_of)) as writer:
            for lane, driver in enumerate(drivers):
                records = list(_memberships(driver, lane))
                writer.apply([((topics.MEMBERSHIPS, lane), records, len(records))])
        feeder = Feeder(path, "here", self.policy.grid.day_of, lambda: cast(Any, None))

        async def catches_up(seconds: float) -> bool:
            return not behind

        feeder.catches_up = catches_up  # type: ignore[method-assign]
        book: Any = SimpleNamespace(page=SimpleNamespace(policy=self.policy))
        tokens = Tokens(home / FILE)
        self.export, self.read = (tokens.create(may, [may], "2026-01-01T00:00:00Z") for may in ("export", "read"))
        rows = MemberRows(lambda: cast(Any, self.view), book, feeder)
        guarded = site._Guarded(ROWS, rows.list, Guard(tokens, Limits(1_000), home))
        self.client = TestClient(
            Starlette(routes=[Route(ROWS.path, guarded)], exception_handlers=site.ERRORS), raise_server_exceptions=False
        )

    def ask(self, query: str, bearer: str | None = None) -> Any:
        return self.client.get(
            f"{ROWS.path}?{query}", headers={"authorization": f"Bearer {self.export if bearer is None else bearer}"}
        )

    def listed(self, query: str) -> list[Any]:
        found = self.ask(query)
        assert found.status_code == 200, found.text
        return [json.loads(line) for line in found.text.splitlines()]

    def scanned(self, segments: list[str], since: int | None = None) -> list[Any]:
        view, policy = cast(Any, self.view), self.policy
        return [row(one) for one in members(view, policy.definitions, policy.shop, policy.grid, segments, since)]


def _memberships(driver: Driver, lane: int) -> Iterator[Record]:
    for offset, id in enumerate(driver.parts):
        one = driver.customer(id)
        held = {name: Membership(found.segment, "", found.since, 1) for name, found in one.segments.items()}
        yield Record(lane, offset, T0, id.encode(), encode_memberships(id, 1, T0, held))


@pytest.fixture
def world(drivers: list[Driver], tmp_path: Path) -> World:
    return World(drivers, tmp_path)


@pytest.mark.parametrize(
    "segments",
    [["new"], ["active"], ["lifecycle/new"], ["active", "new"], ["value/high", "lifecycle/new"], ["lifecycle/lost"]],
)
def test_the_rows_are_those_of_a_scan_in_its_order(world: World, segments: list[str]) -> None:
    query = "&".join(f"segment={quote(one, safe='')}" for one in segments)
    found = world.listed(query)
    assert found == world.scanned(segments)
    assert bool(found) == (segments != ["lifecycle/lost"])
    assert world.view.closed
    limited = world.listed(f"{query}&limit=3")
    assert limited == found[:3]
    after = T0 + 3 * DAY
    assert world.listed(f"{query}&since=2025-03-04") == world.scanned(segments, after)
    assert world.listed(f"{query}&since=2025-03-04T00:00:00Z") == world.scanned(segments, after)


def test_only_possible_members_are_read(world: World) -> None:
    found = world.listed("segment=lifecycle/new")
    assert 0 < len(found) < len(PEOPLE)
    assert sorted(world.view.read) == sorted(one["id"] for one in found)


def test_redis_decides_who_is_a_member(drivers: list[Driver], tmp_path: Path) -> None:
    world = World(drivers, tmp_path)
    gone, _ = (one["id"] for one in world.listed("segment=lifecycle/new")[:2])
    lane = partition_for(gone.encode(), LANES)
    kept = drivers[lane].parts.pop(gone)
    try:
        found = world.listed("segment=lifecycle/new")
        assert found == world.scanned(["lifecycle/new"])
        assert gone not in {one["id"] for one in found}
    finally:
        drivers[lane].parts[gone] = kept


def test_a_read_model_that_stays_behind_gives_no_list(drivers: list[Driver], tmp_path: Path) -> None:
    assert World(drivers, tmp_path, behind=True).ask("segment=new").status_code == 503


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("segment=nowhere", "no such segment: nowhere"),
        ("segment=value/new", "no such segment: value/new"),
        ("", "parameter segment is invalid"),
        ("segment=", "parameter segment is invalid"),
        ("segment=new&limit=0", "parameter limit is invalid"),
        ("segment=new&since=yesterday", "since yesterday is not a date or time"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(world: World, query: str, says: str) -> None:
    found = world.ask(query)
    assert (found.status_code, found.json()["detail"]) == (400, says)
    assert found.json()["hint"]


def test_a_token_needs_export_and_a_pass_is_of_this_home_and_minute(world: World, tmp_path: Path) -> None:
    ask = world.ask
    assert ask("segment=new", world.read).status_code == 403
    assert ask("segment=new", "made up").status_code == 401
    good = home_pass.make(world.home)
    assert ask("segment=new", good).text == ask("segment=new").text != ""
    for bad in (
        home_pass.make(world.home, 1e9),
        home_pass.make(tmp_path / "other"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        "home_",
        "home_9_",
        "home_x_y",
    ):
        assert ask("segment=new", bad).status_code == 401, bad
    (world.home / home_pass.FOLDER / "key").unlink()
    assert ask("segment=new", good).status_code == 401, "its key is gone"


def test_a_list_that_breaks_off_does_not_look_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(lane: int, ids: Sequence[str]) -> dict[str, dict[str, bytes]]:
        raise ConnectionError

    monkeypatch.setattr(world.view, "these", broken)
    sent: list[Any] = []

    async def ask() -> None:
        headers = [(b"authorization", f"Bearer {world.export}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": ROWS.path,
            "query_string": b"segment=new",
            "headers": headers,
        }

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        await world.client.app(scope, receive, send)

    with pytest.raises(Exception):  # noqa: B017 - an exception of any kind, since a server then cuts the connection
        asyncio.run(ask())
    assert not any(one["type"] == "http.response.body" and not one.get("more_body") for one in sent)
    assert world.view.closed
