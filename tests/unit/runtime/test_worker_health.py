"""Test how a worker process reports that it is healthy: by its event loop running, whatever Kafka does."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from streamer.adapters.kafka import KafkaConnection, Offsets
from streamer.config.settings import Settings
from streamer.core.policy import Policy
from streamer.embedded.ports import choose
from streamer.runtime import lane_worker, metrics_port, worker_health
from streamer.runtime.app import Wiring
from streamer.runtime.lane_worker import LaneWorker
from streamer.runtime.metrics_port import port_of, serve
from streamer.runtime.owner_worker import OwnerWorker
from streamer.runtime.roles import ALWAYS, ROLES, Role

WIRED = Wiring(KafkaConnection("nowhere:1"), "redis://nowhere", Policy(lanes=3))


class Silent:
    """A broker that never answers."""

    def __init__(self) -> None:
        self.requests = 0

    async def end(self, topic: str, partition: int) -> int:
        self.requests += 1
        await asyncio.sleep(3_600)
        raise AssertionError("unreachable")


@dataclass
class Made:
    """Workers of a test, whose ports are closed at its end."""

    workers: list[LaneWorker | OwnerWorker] = field(default_factory=list)

    def lanes(self) -> LaneWorker:
        worker = LaneWorker(WIRED)
        self.workers.append(worker)
        return worker

    def owner(self) -> OwnerWorker:
        worker = OwnerWorker(WIRED)
        self.workers.append(worker)
        return worker


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    for worker in made.workers:
        worker.exporter.stop()


def test_a_worker_is_ready_when_it_has_its_lanes(made: Made) -> None:
    worker = made.lanes()
    assert worker.health.ready() is not None
    worker.owns({0, 2})
    assert worker.health.ready() is None
    samples = worker.metrics.samples()
    assert samples["lanes_owned"] == {(): 2.0} and samples["lanes"] == {(): 3.0}


def test_a_worker_with_a_stopped_lane_is_not_ready_until_it_goes_on(made: Made) -> None:
    worker = made.lanes()
    worker.owns({0, 2})
    worker.halted(2, "too much")
    assert worker.health.ready() == "lane 2 has stopped: too much"
    worker.released(2)
    assert worker.health.ready() is None


def test_an_owner_is_ready_when_it_knows_whether_it_learns_and_owns_no_lanes(made: Made) -> None:
    worker = made.owner()
    assert worker.health.ready() is not None
    worker.owns(set())
    assert worker.health.ready() is None
    worker.owns({0})
    assert worker.metrics.samples()["lanes_owned"] == {(): 0.0}


def test_a_worker_whose_loop_hangs_is_not_well(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = made.lanes()
    assert worker.health.healthy() is None
    late = time.monotonic() + worker_health.HUNG_SECONDS + 1
    monkeypatch.setattr("streamer.runtime.worker_health.time.monotonic", lambda: late)
    assert worker.health.healthy() == "nothing moved for 61 s"


def test_a_broker_that_does_not_answer_is_not_the_workers_fault(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_worker, "PROBE_LIMIT_SECONDS", 0.01)
    monkeypatch.setattr(lane_worker, "PROBE_SECONDS", 0.01)
    worker, broker = made.lanes(), Silent()
    beats: list[None] = []
    monkeypatch.setattr(worker.health, "beat", lambda: beats.append(None))

    async def run() -> None:
        worker.owns({0})
        worker.started(cast(Offsets, broker))
        async with asyncio.timeout(30):
            while len(beats) < 3:
                await asyncio.sleep(0.005)
        for task in worker.tasks:
            task.cancel()

    asyncio.run(run())
    assert broker.requests >= 3


def test_roles_on_one_machine_have_ports_of_their_own(made: Made) -> None:
    lanes, owner = choose(2)
    settings = Settings.load({"metrics_port": lanes, "owner_metrics_port": owner}, environ={})
    for role, worker, port in (("lanes", made.lanes(), lanes), ("owner", made.owner(), owner)):
        assert serve(worker.exporter, ROLES[role], settings) == port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"


def test_every_role_has_a_program_and_a_port_of_its_own() -> None:
    assert all(callable(role.load()) for role in ROLES.values()) and set(ALWAYS) < set(ROLES)
    usual = Settings.load({}, environ={})
    assert len({port_of(role, usual) for role in ROLES.values()}) == len(ROLES)


def test_a_role_without_a_port_of_its_own_takes_one_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    role = Role("sinks", "streamer.runtime.owner_worker:run", "writes changes elsewhere")
    monkeypatch.setattr(metrics_port, "ROLES", {**ROLES, role.name: role})
    assert port_of(role, Settings.load({}, environ={})) == 9464 + len(ROLES)
    assert port_of(role, Settings.load({"metrics_port": 0}, environ={})) == 0
