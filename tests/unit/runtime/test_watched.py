"""How a worker process says that it is well: by its event loop getting on, whatever Kafka does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from streamer.adapters.kafka import KafkaConnection, Offsets
from streamer.config.settings import Settings
from streamer.core.policy import Policy
from streamer.embedded.ports import choose
from streamer.runtime import process, supervise
from streamer.runtime.app import Wiring
from streamer.runtime.process import Watched


class Silent:
    """A broker that never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def end(self, topic: str, partition: int) -> int:
        self.asked += 1
        await asyncio.sleep(3_600)
        raise AssertionError("unreachable")


@pytest.fixture
def made() -> Iterator[list[Watched]]:
    watched: list[Watched] = []
    yield watched
    for one in watched:
        one.exporter.stop()


def watched(made: list[Watched], role: supervise.Role = "lanes") -> Watched:
    one = Watched(Wiring(KafkaConnection("nowhere:1"), "redis://nowhere", Policy(lanes=3)), role)
    made.append(one)
    return one


def test_a_worker_is_ready_when_it_has_its_lanes(made: list[Watched]) -> None:
    one = watched(made)
    assert one._ready() is not None
    one.watch.on_lanes({0, 2})
    assert one._ready() is None
    samples = one.exporter.samples()
    assert samples["lanes_owned"] == {(): 2.0} and samples["lanes"] == {(): 3.0}


def test_an_owner_is_ready_when_it_knows_whether_it_learns_and_owns_no_lanes(made: list[Watched]) -> None:
    one = watched(made, "owner")
    assert one._ready() is not None
    one.watch.on_lanes(set())
    assert one._ready() is None
    one.watch.on_lanes({0})
    assert one.exporter.samples()["lanes_owned"] == {(): 0.0}


def test_a_worker_whose_loop_hangs_is_not_well(made: list[Watched], monkeypatch: pytest.MonkeyPatch) -> None:
    one = watched(made)
    assert one._healthy() is None
    late = time.monotonic() + process._HUNG_SECONDS + 1
    monkeypatch.setattr("streamer.runtime.process.time.monotonic", lambda: late)
    assert one._healthy() == "nothing moved for 61 s"


def test_a_broker_that_does_not_answer_is_not_the_workers_fault(
    made: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_LOOK_LIMIT_SECONDS", 0.01)
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.01)
    one, broker = watched(made), Silent()

    async def run() -> None:
        one.watch.on_lanes({0})
        one._looked = 0.0
        one.watch.on_start(cast(Offsets, broker))
        async with asyncio.timeout(30):
            while broker.asked < 3:
                await asyncio.sleep(0.005)
        task: Any = one._task
        task.cancel()

    asyncio.run(run())
    assert one._looked > 0 and one._healthy() is None


def test_worker_and_owner_on_one_machine_have_ports_of_their_own(made: list[Watched]) -> None:
    import urllib.request

    worker, owner = choose(2)
    settings = Settings.load({"metrics_port": worker, "owner_metrics_port": owner}, environ={})
    roles: tuple[tuple[supervise.Role, int], ...] = (("lanes", worker), ("owner", owner))
    for role, port in roles:
        watched(made, role).serve(settings)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"
