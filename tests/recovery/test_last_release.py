"""Test workers of the last release and of this source tree sharing the lanes, as in every update of a running service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from live_service import LiveService
from releases import Release, last_release

from models.features.time import DAY_MS, DayGrid
from models.prediction.model import first_version
from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.adapters.redis_keys import LAYOUT
from streamer.embedded import Addresses
from streamer.runtime.app import EXIT_FATAL
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

pytestmark = [pytest.mark.integration, pytest.mark.recovery]

EVENTS = int(os.environ.get("RELEASE_EVENTS", "4000"))
RATE = 400

Worker = subprocess.Popen[bytes]


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Release]:
    with last_release(tmp_path) as release:
        yield release


@pytest.fixture
def service(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path, release: Release
) -> Iterator[LiveService]:
    with LiveService(addresses, redis_url, prefix, tmp_path, STREAMER_CLOCK="event") as service:
        yield service


def history(events: int) -> list[Outgoing]:
    """Return the first records of a shop's past, including late and repeated ones.

    No broken ones, because a later release may accept what an earlier one rejects.
    """
    now = time.time_ns() // 1_000_000
    days = 120 + events // 100
    shop = Shop(ShopConfig(customers=400, days=days, start=now - (days + 1) * DAY_MS, late=0.02, duplicates=0.02))
    records = list(islice(import_records(shop, "update", DayGrid(), latest=now), events))
    assert len(records) == events
    return records


class Update:
    """A service with workers of two releases, in the middle of a stream of events.

    Attributes
    ----------
    supervised
        Workers that are restarted when they end by themselves.
    """

    def __init__(self, service: LiveService) -> None:
        self.supervised: list[Worker] = []
        self._service = service
        self._writer = threading.Thread(
            target=service.publish, args=(history(EVENTS),), kwargs={"rate": RATE}, daemon=True
        )

    def __enter__(self) -> Update:
        self._writer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.join()

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait for a condition, supervising the workers."""

        def is_done() -> bool:
            self._service.revive(self.supervised)
            return done()

        self._service.wait(is_done, 120 + EVENTS / RATE)

    def reach(self, share: float) -> None:
        """Wait until this share of the events has been consumed."""
        self.wait(lambda: sum(ledger.consumed for ledger in self._service.ledgers()) > share * EVENTS)

    def shared_out(self, *workers: Worker) -> None:
        """Wait until these workers, all of them alive, share the lanes."""

        def are_shared() -> bool:
            assert all(worker.poll() is None for worker in workers), self._service.logs()
            return self._service.shared_out(workers)

        self.wait(are_shared)

    def kill(self, worker: Worker) -> None:
        """Kill a worker in the middle of its work."""
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(20) == -signal.SIGKILL

    def layouts(self) -> list[set[str]]:
        """Return, for each lane, the layouts whose keys Redis has; "" means documents and token."""
        return [set(self._service.view(lane)) for lane in range(self._service.lanes)]


def assert_nothing_is_lost_or_doubled(service: LiveService) -> None:
    """Check that a replay by this source tree yields what both published, and every record is accounted for."""
    service.wait_until_applied()
    parity = service.parity()
    assert parity.differences[:10] == []
    assert parity.changes > EVENTS / 40
    ledgers = service.ledgers()
    assert sum(ledger.unaccounted for ledger in ledgers) == 0
    assert sum(ledger.applied + ledger.duplicates for ledger in ledgers) > 0.9 * EVENTS
    documents = sum(len(service.view(lane)[""]) - 1 for lane in range(service.lanes))
    assert sum(ledger.customers for ledger in ledgers) == documents > 100


@pytest.mark.timeout(300 + EVENTS // 20)
def test_both_take_lanes_from_each_other_and_nothing_is_lost(service: LiveService, release: Release) -> None:
    """Each is killed once in the middle and restarted; lanes move between the two.

    Both run under a supervisor: a release may refuse state of a later one, and then ends without writing anything.
    """
    ours = f"v{LAYOUT}"
    with Update(service) as update:
        workers = update.supervised
        workers.append(service.start(release=release))
        update.wait(lambda: service.shared_out(workers))
        update.reach(1 / 8)
        # One lane may still be in its first step when the others have consumed that many.
        update.wait(lambda: update.layouts() == [{"", "release 0.1"}] * service.lanes)
        workers.append(service.start())
        update.wait(lambda: any(ours in layouts for layouts in update.layouts()))
        update.reach(1 / 4)
        for which, share in ((0, 1 / 2), (1, 3 / 4)):
            update.kill(workers[which])
            workers[which] = service.start(release=None if which else release)
            update.reach(share)
    # The update is over: the worker of this release has all lanes, and nothing of the other layout remains.
    workers.pop(0).send_signal(signal.SIGTERM)
    update.wait(lambda: service.shared_out(workers))
    assert_nothing_is_lost_or_doubled(service)
    assert update.layouts() == [{"", ours}] * service.lanes


@pytest.mark.timeout(300 + EVENTS // 20)
def test_this_goes_on_where_the_last_release_was_killed(service: LiveService, release: Release) -> None:
    """An update. A worker of the last release started by mistake afterwards ends by itself and does no harm."""
    service.start("owner")
    old = service.start(release=release)
    with Update(service) as update:
        update.shared_out(old)
        update.reach(1 / 4)
        update.kill(old)
        new = service.start()
        update.shared_out(new)
        update.reach(1 / 2)
        if release.refuses is not None:
            mistaken = service.start(release=release)
            assert mistaken.wait(120) == EXIT_FATAL
            [line] = service.logged(mistaken, "this worker cannot go on and ends; start it again")
            assert "InvariantViolation" in line["error.message"]
            assert release.refuses in line["error.message"]
        update.kill(new)
        new = service.start()
        update.shared_out(new)
    assert_nothing_is_lost_or_doubled(service)
    assert new.poll() is None


def test_what_the_last_release_wrote_for_a_lane_of_this_is_taken(
    addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path, release: Release
) -> None:
    """A merge that crosses from a worker of the last release to one of this, which has a key, is not signed as now."""
    key = {"STREAMER_CONTROL_KEY": "a key that both of them have"}
    with LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, **key) as service:
        now = time.time_ns() // 1_000_000
        names = {lane: [id for id in map("c{}".format, range(40)) if lane_of(id) == lane] for lane in (0, 1)}
        old = service.start(release=release)
        service.publish([order(id, now) for ids in names.values() for id in ids])
        service.wait_until_applied()
        new = service.start()
        service.wait(lambda: service.shared_out([old, new]))
        [source], [target] = service.lanes_of(old), service.lanes_of(new)
        device, person = names[source][0], names[target][0]
        service.publish([event("link", "identity.linked", person, now, anonymous_id=device)])
        service.wait(lambda: sum(one.control.get("control.merge", 0) for one in service.ledgers()) == 1)
        [signed_from] = {one.signed_from for one in service.ledgers() if one.partition == target}
        assert signed_from is not None and signed_from > now + DAY_MS
        assert all(not one.dead_letters for one in service.ledgers())
        assert json.loads(service.document(person) or b"{}")["features"]["orders"] == 2
        assert old.poll() is None and new.poll() is None


def lane_of(id: str) -> int:
    return partition_for(id.encode(), 2)


def event(id: str, type: str, customer: str, at: int, **fields: object) -> Outgoing:
    body = {"event_id": id, "type": type, "customer_id": customer, "occurred_at": iso(at), **fields}
    return Outgoing(str(fields.get("anonymous_id", customer)).encode(), json.dumps(body).encode(), ())


def order(customer: str, at: int) -> Outgoing:
    return event(f"e-{customer}", "order.completed", customer, at, order_id=customer, total=20.0, currency="EUR")


_LANE_OF_THE_RELEASE = """
import json, sys
sys.path.insert(0, "tests/support")
from heart_logs import DAY, T0, Driver, LogMaker, order
from schemas.control import ControlModel
driver, log = Driver(), LogMaker(now=T0)
log.event(order("a", "ann", T0, 40.0))
log.control(ControlModel(segmentation="predictions", version=1, body=json.loads(sys.argv[1])))
log.event(order("b", "ann", T0 + DAY, 40.0), now=T0 + DAY)
decision = driver.feed(log.records)
ledger = driver.state.ledger
print(json.dumps([[one.reason for one in decision.dead_letters], ledger.applied, ledger.unaccounted]))
"""


def test_a_lane_of_the_last_release_sets_a_version_of_predictions_aside_and_goes_on(release: Release) -> None:
    """An owner of this source tree runs beside it, as `docs/operations.md` describes for an update."""
    if release.version != "0.1.0":
        pytest.skip("later releases know predictions")
    body = json.dumps(first_version().to_dict())
    done = subprocess.run(
        [release.python, "-c", _LANE_OF_THE_RELEASE, body],
        cwd=release.tree,
        env={**os.environ, **release.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["bad_control"], 2, 0]
