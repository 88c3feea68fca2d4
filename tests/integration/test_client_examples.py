"""Test every program in ``examples/`` unchanged: publishers move customers, subscribers act once on safe changes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from live_service import LiveService

from schemas.partition import partition_for
from schemas.wire_time import iso
from streamer.embedded import Services
from streamer.embedded.jars import class_path
from streamer.sources.import_records import Outgoing

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"
PUBLISHERS = sorted(path.name for path in EXAMPLES.glob("publish_*"))
SUBSCRIBERS = sorted(path.name for path in EXAMPLES.glob("subscribe_*"))
LANES = 2
SECONDS = 60
FRANZ = "v1.22.3"


@dataclass
class Played:
    """Results of the examples: who published for whom, and what each subscriber printed before and after its restart."""

    absent: dict[str, str] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    rerouted: int = 0
    first: dict[str, list[str]] = field(default_factory=dict)
    again: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def need(self, name: str) -> None:
        """Skip the test of an example whose tools this machine lacks."""
        if name in self.absent:
            pytest.skip(self.absent[name])


def node_modules(folder: Path) -> str:
    """Return what the Node examples lack; empty if their packages are installed in ``folder``."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node or npm is not installed"
    folder.mkdir()
    packages = ["kafkajs@2.2.4", "node-sqlite3-wasm@0.8.60"]
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "npm could not install kafkajs in two minutes"
    return "" if done.returncode == 0 else f"npm could not install kafkajs: {done.stderr[-300:]}"


def go_module(folder: Path) -> str:
    """Return what the Go examples lack; empty if ``folder`` has a built program for each."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        return "Go is not installed"
    folder.mkdir()
    for command in (["mod", "init", "examples"], ["get", f"github.com/twmb/franz-go/pkg/kgo@{FRANZ}"]):
        done = subprocess.run([go, *command], cwd=folder, capture_output=True, text=True, timeout=180)
        if done.returncode:
            return f"franz-go could not be fetched: {done.stderr[-300:]}"
    for path in EXAMPLES.glob("*.go"):
        shutil.copy(path, folder)
        done = subprocess.run([go, "build", path.name], cwd=folder, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stderr
    return ""


def java_compiler() -> str:
    """Return what the Java examples lack; Java compiles them at their start."""
    java = shutil.which("java")
    if java is None:
        return "Java is not installed"
    listed = subprocess.run([java, "--list-modules"], capture_output=True, text=True, timeout=60).stdout
    return "" if "jdk.compiler@" in listed else "the Java that is installed has no compiler"


def command_for(name: str, folder: Path) -> list[str]:
    """Return the command that runs an example; ``folder`` has those that were built."""
    path = EXAMPLES / name
    if path.suffix == ".go":
        return [str(folder / "go" / path.stem)]
    if path.suffix == ".java":
        return ["java", "-cp", os.pathsep.join(map(str, class_path())), str(path)]
    return [{".py": sys.executable, ".js": "node", ".sh": "sh"}[path.suffix], str(path)]


def order(customer: str, at: int) -> Outgoing:
    body = {
        "type": "order.completed",
        "event_id": f"e-{customer}",
        "customer_id": customer,
        "occurred_at": iso(at),
        "order_id": f"o-{customer}",
        "total": 59.9,
        "currency": "EUR",
    }
    return Outgoing(customer.encode(), json.dumps(body).encode(), ())


def one_per_lane(name: str) -> list[str]:
    """Return names, one for each lane."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < LANES:
        customer = f"{name}-{number}"
        found.setdefault(partition_for(customer.encode(), LANES), customer)
        number += 1
    return sorted(found.values())


def misplaced_by_crc32(name: str) -> str:
    """Return a name that CRC32 assigns to another partition than murmur2."""
    candidates = (f"{name}-{number}" for number in range(100))
    return next(id for id in candidates if zlib.crc32(id.encode()) % LANES != partition_for(id.encode(), LANES))


def moves(customers: Iterator[str] | list[str]) -> list[str]:
    """Return what a subscriber prints for first orders of 59.90."""
    return sorted(f"{customer} {move}" for customer in customers for move in ("value medium", "lifecycle new"))


class Subscriber:
    """A subscriber's process in its own folder, which stores what it has seen."""

    def __init__(self, name: str, group: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.output = folder / f"{group}.out"
        self.errors = folder / f"{group}.err"
        with self.output.open("wb") as out, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command_for(name, folder.parent), group],
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def has_noted(self, lines: int) -> bool:
        """Return whether this many changes were acted on and recorded as seen."""
        if (text := self.folder / "seen.txt").exists():
            return len(text.read_text().splitlines()) >= lines
        try:
            with closing(sqlite3.connect(f"file:{self.folder / 'seen.db'}?mode=ro", uri=True)) as seen:
                return bool(seen.execute("SELECT count(*) >= ? FROM seen", [lines]).fetchone()[0])
        except sqlite3.Error:
            # Not created yet, or being written.
            return False

    def stop(self) -> None:
        # End the whole group, because a shell's pipe has several processes. It may have ended with an error to show.
        for signal in (15, 9):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return


@pytest.fixture(scope="module")
def played(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Run all examples at once on one service: subscribers run, publishers publish, subscribers restart."""
    folder = tmp_path_factory.mktemp("examples")
    prefix = f"t{uuid.uuid4().hex[:10]}"
    logs = folder / "logs"
    logs.mkdir()
    service = LiveService(
        services.addresses, f"{services.addresses.redis.rpartition('/')[0]}/0", prefix, logs, lanes=LANES
    )
    found = Played()
    for name in (*PUBLISHERS, *SUBSCRIBERS):
        if "kcat" in name and not all(map(shutil.which, ("kcat", "jq", "sqlite3"))):
            found.absent[name] = "kcat, jq or sqlite3 is not installed"
    runtimes = {".js": node_modules(folder / "node"), ".go": go_module(folder / "go"), ".java": java_compiler()}
    for name in (*PUBLISHERS, *SUBSCRIBERS):
        if missing := runtimes.get(Path(name).suffix):
            found.absent[name] = missing
    environment = service.environment | {
        "KAFKA": services.addresses.kafka,
        "TOPIC_PREFIX": f"{prefix}.",
        "NODE_PATH": str(folder / "node" / "node_modules"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    running: dict[str, Subscriber] = {}
    at_work: dict[str, subprocess.Popen[str]] = {}

    def subscribe(group: str) -> None:
        for name in SUBSCRIBERS:
            if name not in found.absent:
                place = folder / name.partition(".")[0]
                place.mkdir(exist_ok=True)
                running[name] = Subscriber(name, f"{group}-{name}", place, environment)

    def finish(noted: int, output: dict[str, list[str]]) -> None:
        deadline = time.monotonic() + SECONDS
        for name, subscriber in running.items():
            while not subscriber.has_noted(noted) and time.monotonic() < deadline:
                time.sleep(0.2)
            subscriber.stop()
            output[name] = subscriber.lines()
            found.errors[name] = subscriber.errors.read_text()[-2000:]
        running.clear()

    try:
        service.start()
        # Two hours old, so not safe to act on; and before all others in both lanes.
        service.publish(
            [order(customer, time.time_ns() // 1_000_000 - 2 * 3_600_000) for customer in one_per_lane("old")]
        )
        service.wait_until_applied()
        subscribe("first")
        for name in PUBLISHERS:
            if name not in found.absent:
                customer = found.customers[name] = misplaced_by_crc32(name.partition(".")[0])
                at_work[name] = subprocess.Popen(
                    [*command_for(name, folder), customer],
                    cwd=folder,
                    env=environment,
                    stderr=subprocess.PIPE,
                    text=True,
                )
        for name, process in at_work.items():
            found.errors[name] = process.communicate(timeout=SECONDS)[1]
        finish(2 * len(found.customers), found.first)
        service.publish([order(customer, time.time_ns() // 1_000_000) for customer in one_per_lane("after")])
        subscribe("again")
        finish(2 * len(found.customers) + 2 * LANES, found.again)
        found.moved = {change["customer_id"] for change in service.changes()}
        found.rerouted = sum(ledger.rerouted for ledger in service.ledgers())
        yield found
    finally:
        for subscriber in running.values():
            subscriber.stop()
        for process in at_work.values():
            process.kill()
        service.close()


@pytest.mark.parametrize("name", PUBLISHERS)
def test_what_a_publisher_sends_moves_its_customer(played: Played, name: str) -> None:
    played.need(name)
    assert played.customers[name] in played.moved, played.errors[name]


def test_only_the_crc32_publisher_is_carried_to_another_lane(played: Played) -> None:
    assert played.rerouted == 1


@pytest.mark.parametrize("name", SUBSCRIBERS)
def test_a_subscriber_acts_on_each_safe_change_once(played: Played, name: str) -> None:
    played.need(name)
    assert sorted(played.first[name]) == moves(list(played.customers.values())), played.errors[name]
    # Read again from the start as another group: there is nothing new.
    assert sorted(played.again[name]) == moves(one_per_lane("after")), played.errors[name]


@pytest.mark.parametrize("name", [*PUBLISHERS, *SUBSCRIBERS])
def test_an_example_is_short_and_named_on_the_page(name: str) -> None:
    assert len((EXAMPLES / name).read_text().splitlines()) <= 60
    assert f"]({name})" in (EXAMPLES / "README.md").read_text()
