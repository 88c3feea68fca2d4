"""Run a service for end-to-end tests: worker processes on the embedded servers, an import, and its results."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import redis
from aiokafka import AIOKafkaProducer
from releases import Release

from schemas import topics
from schemas.partition import partition_for
from schemas.signing import ControlKeys
from streamer.adapters.kafka import KafkaConnection, Offsets, read_committed
from streamer.adapters.redis_keys import LaneKeys
from streamer.adapters.topics import create_topics
from streamer.core.ledger import Ledger, load
from streamer.core.policy import Policy
from streamer.embedded import Addresses
from streamer.replay.parity import Parity, decode_change, of_lane
from streamer.runtime.app import EXIT_FATAL
from streamer.runtime.supervise import EXIT_FENCED, EXIT_STUCK, EXIT_UNKNOWN
from streamer.sources.import_records import Outgoing

SESSION_SECONDS = 2
RESTARTED = (1, EXIT_FATAL, EXIT_FENCED, EXIT_UNKNOWN, EXIT_STUCK)
"""Exit codes after which a supervisor restarts a worker; 1 means that its servers did not answer at its start."""


ASSIGNED: Final = ("lane assignment changed", "lanes owned")
"""What a worker logs when its lanes change; the second is the message of release 0.1.0."""


class LiveService:
    """Workers of one topic prefix, which can be killed and restarted.

    Parameters
    ----------
    settings
        Further ``STREAMER_*`` variables for the workers.
    """

    def __init__(
        self, addresses: Addresses, redis_url: str, prefix: str, folder: Path, *, lanes: int = 4, **settings: str
    ) -> None:
        self.lanes = lanes
        self.prefix = prefix
        self.connection = KafkaConnection(addresses.kafka, prefix=prefix)
        self.policy = Policy(lanes=lanes, wall=settings.get("STREAMER_CLOCK") != "event")
        self._folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")},
            "STREAMER_KAFKA": addresses.kafka,
            "STREAMER_REDIS": redis_url,
            "STREAMER_TOPIC_PREFIX": prefix,
            "STREAMER_METRICS_PORT": "0",
            "STREAMER_SESSION_SECONDS": str(SESSION_SECONDS),
            "STREAMER_LOG_FORMAT": "json",
            # Not the user's home, in which there may be a control key.
            "STREAMER_HOME": str(folder / "home"),
            "PYTHONPATH": str(Path(__file__).parent),
            **settings,
        }
        self._redis = redis.Redis.from_url(redis_url)
        self.workers: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}
        self._releases: dict[int, Release | None] = {}
        create_topics(addresses.kafka, prefix=prefix, lanes=lanes)

    @classmethod
    def beside(cls, other: LiveService, addresses: Addresses, folder: Path, name: str) -> LiveService:
        """Return another service on the same servers, with its own topics and keys."""
        settings = {
            variable: value
            for variable, value in other.environment.items()
            if variable in ("STREAMER_CLOCK", "STREAMER_SESSION_SECONDS")
        }
        folder = folder / name
        folder.mkdir()
        url = other.environment["STREAMER_REDIS"]
        return cls(addresses, url, f"{other.prefix}-{name}", folder, lanes=other.lanes, **settings)

    def __enter__(self) -> LiveService:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- workers ----------------------------------------------------------------------------------------------

    def start(
        self, role: str = "lanes", module: str = "streamer.runtime.process", release: Release | None = None
    ) -> subprocess.Popen[bytes]:
        """Start another worker process. ``module`` may be one that runs it with faults, ``release`` another version of it."""
        command = [sys.executable, "-m", module, role]
        environment, folder = self.environment, None
        if release is not None:
            # A module's name may have changed since, but the users' command has not.
            command = [str(release.python), "-m", "streamer", "worker", "--role", role, "--no-supervise"]
            environment, folder = {**environment, **release.environment}, release.tree
        path = self._folder / f"{role}-{len(self.workers)}.log"
        with path.open("wb") as log:
            worker = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        self.workers.append(worker)
        self._logs[worker.pid] = path
        self._releases[worker.pid] = release
        return worker

    def logged(self, worker: subprocess.Popen[bytes], *messages: str) -> list[dict[str, Any]]:
        """Return the fields of a worker's log lines with one of the messages, in order and without their namespace."""
        # A line that is being written has no line ending yet.
        whole = self._logs[worker.pid].read_text().rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        return [
            {name.removeprefix("streamer."): value for name, value in line.items()}
            for line in lines
            if line["message"] in messages
        ]

    def log_of(self, worker: subprocess.Popen[bytes]) -> str:
        """Return everything that a worker wrote."""
        return self._logs[worker.pid].read_text()

    def lanes_of(self, worker: subprocess.Popen[bytes]) -> list[int]:
        """The lanes a worker says it owns."""
        logged = self.logged(worker, *ASSIGNED)
        return list(logged[-1]["lanes"]) if logged else []

    def tended(self, workers: list[subprocess.Popen[bytes]]) -> bool:
        """Return `shared_out`, after restarting workers that ended themselves, as a supervisor does."""
        self.revive(workers)
        return self.shared_out(workers)

    def revive(self, workers: list[subprocess.Popen[bytes]]) -> None:
        """Restart workers that ended themselves, with the same release."""
        for at, worker in enumerate(workers):
            if (code := worker.poll()) is not None:
                assert code in RESTARTED, f"a worker ended with {code}\n{self.logs()}"
                workers[at] = self.start(release=self._releases[worker.pid])

    def shared_out(self, workers: Sequence[subprocess.Popen[bytes]]) -> bool:
        """Return whether these workers own all lanes, and each owns its share or was assigned none."""
        owned = sorted(lane for worker in workers for lane in self.lanes_of(worker))
        shares = [len(self.lanes_of(worker)) for worker in workers]
        joined = all(self.logged(worker, *ASSIGNED) for worker in workers)
        return joined and owned == list(range(self.lanes)) and max(shares) - min(shares) <= 1

    def close(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.wait(20)
        self._redis.close()

    def logs(self) -> str:
        """Return the workers' output, for failure messages."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self._folder.glob("*.log")))

    # -- what goes in -----------------------------------------------------------------------------------------

    def publish(
        self, records: Iterable[Outgoing], *, pause_every: int = 0, rate: float = 0, partitioner: Any = partition_for
    ) -> None:
        """Write records to their lanes, pausing after every ``pause_every`` records, or at most ``rate`` per second."""
        asyncio.run(self._publish(records, pause_every, rate, partitioner))

    async def _publish(
        self, records: Iterable[Outgoing], pause_every: int, rate: float, partitioner: Callable[[bytes, int], int]
    ) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.connection.bootstrap, linger_ms=5)
        await producer.start()
        topic = self.connection.topic(topics.EVENTS)
        sent = []
        begun = time.monotonic()
        try:
            for number, record in enumerate(records):
                lanes = range(self.lanes) if record.every_lane else (partitioner(record.key or b"", self.lanes),)
                for lane in lanes:
                    headers = list(record.headers)
                    sent.append(
                        await producer.send(topic, record.value, key=record.key, partition=lane, headers=headers)
                    )
                if pause_every and number % pause_every == 0:
                    await asyncio.sleep(0.05)
                if rate and number % 10 == 0:
                    await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    # -- what comes out ---------------------------------------------------------------------------------------

    def keys(self, lane: int) -> LaneKeys:
        """Return the keys of a lane in Redis."""
        return LaneKeys(f"{self.prefix}.streamer", lane)

    def ledgers(self) -> list[Ledger]:
        """Return the ledgers of all lanes that have one."""
        raw = [self._redis.get(self.keys(lane).ledger) or self._of_release_0_1(lane) for lane in range(self.lanes)]
        return [load(one) for one in raw if isinstance(one, bytes)]

    def _of_release_0_1(self, lane: int) -> object:
        """Return the ledger of a lane that a worker of release 0.1.0 owns, whose keys had no layout."""
        return self._redis.get(f"{self.keys(lane).base}:ledger")

    def view(self, lane: int) -> dict[str, list[bytes]]:
        """Return the keys that Redis has of a lane, by their layout; "" for documents and token."""
        keys, found = self.keys(lane), dict[str, list[bytes]]()
        held: Any = self._redis.keys(keys.pattern)
        for key in held:
            name = key.decode().removeprefix(f"{keys.base}:").partition(":")[0]
            layout = "" if name in ("customer", "token") else name if name.startswith("v") else "release 0.1"
            found.setdefault(layout, []).append(key)
        return found

    def wait_until_applied(self, seconds: float = 120, *, workers: list[subprocess.Popen[bytes]] | None = None) -> None:
        """Wait until every lane has consumed everything now in its input; ``workers`` is as in `wait`."""
        self.wait(self._all_applied(), seconds, workers=workers)

    def applied_within(self, seconds: float) -> bool:
        """Return whether every lane consumes everything now in its input within ``seconds``."""
        done, deadline = self._all_applied(), time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _all_applied(self) -> Callable[[], bool]:
        last = {
            lane: records[-1].offset if (records := self.records(topics.EVENTS, lane)) else -1
            for lane in range(self.lanes)
        }

        def done() -> bool:
            stands = {ledger.partition: ledger.next_offset for ledger in self.ledgers()}
            return all(stands.get(lane, 0) > offset for lane, offset in last.items())

        return done

    def wait(
        self,
        done: Callable[[], bool],
        seconds: float = 120,
        *,
        workers: list[subprocess.Popen[bytes]] | None = None,
    ) -> None:
        """Poll until ``done``, or fail with the workers' logs.

        Parameters
        ----------
        workers
            Workers to restart whenever they end, as a supervisor does.
        """
        deadline = time.monotonic() + seconds
        while not done():
            self.revive(workers or [])
            assert time.monotonic() < deadline, f"not done after {seconds} s\n{self.logs()}"
            time.sleep(0.1)

    def records(self, topic: str, partition: int) -> list[Any]:
        """Return all committed records of a partition."""
        return asyncio.run(self._records(topic, partition))

    async def _records(self, topic: str, partition: int) -> list[Any]:
        offsets = Offsets(self.connection)
        await offsets.start()
        try:
            end = await offsets.end(topic, partition)
            first = await offsets.first(topic, partition)
        finally:
            await offsets.stop()
        return [
            record async for chunk in read_committed(self.connection, topic, partition, first, end) for record in chunk
        ]

    def changes(self) -> list[Mapping[str, Any]]:
        """Return all published changes, lane by lane."""
        return [
            decode_change(record.value) for lane in range(self.lanes) for record in self.records(topics.CHANGES, lane)
        ]

    def parity(self, keys: ControlKeys | None = None) -> Parity:
        """Replay every lane's log and compare with the published changes; without ``keys``, signatures are trusted."""
        found = Parity()
        for ledger in self.ledgers():
            found += self._parity_of(ledger.partition, keys)
        return found

    def _parity_of(self, lane: int, keys: ControlKeys | None) -> Parity:
        whole = of_lane(
            ledger=lambda: next(one for one in self.ledgers() if one.partition == lane),
            events=lambda: self.records(topics.EVENTS, lane),
            published=lambda: [decode_change(record.value) for record in self.records(topics.CHANGES, lane)],
            policy=self.policy,
            keys=keys,
        )
        assert whole is not None
        return whole

    def count(self) -> str:
        """Return the ledgers' counters and the parity in one line."""
        ledgers, parity = self.ledgers(), self.parity()
        lost, doubled = (sum(getattr(ledger, name) for ledger in ledgers) for name in ("unaccounted", "duplicates"))
        return (
            f"{sum(ledger.applied for ledger in ledgers):,} applied, {lost} lost, {doubled} doubled, "
            f"parity {len(parity.differences)} of {parity.changes:,} changes"
        )

    def wipe_view(self) -> None:
        """Lose all data of the view, functions included."""
        self._redis.flushdb()
        self._redis.function_flush()

    def document(self, customer: str) -> bytes | None:
        """Return the readable document of a customer."""
        lane = partition_for(customer.encode(), self.lanes)
        value = self._redis.get(self.keys(lane).document(customer))
        assert value is None or isinstance(value, bytes)
        return value


_NOT_OF_THE_RULES = ("event_id", "seq", "detected_at", "trigger")
"""Fields that differ between two runs: changes are numbered over all segmentations, and a lane's log has the cluster
versions among the events, at other offsets in each run.
"""


def moves_of_rules(service: LiveService) -> dict[str, list[Mapping[str, Any]]]:
    """Return all changes of rules and bands by customer, in order, field by field."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for change in service.changes():
        if change["segmentation"] in ("lifecycle", "value"):
            kept = {name: value for name, value in change.items() if name not in _NOT_OF_THE_RULES}
            kept["trigger"] = change["trigger"] and {
                name: value for name, value in change["trigger"].items() if name not in ("offset", "topic")
            }
            found.setdefault(change["customer_id"], []).append(kept)
    return found
