"""Test the embedded servers as processes: what starts, what stays, what ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from schemas.errors import UserError
from streamer.adapters.topics import create_topics, lane_count
from streamer.embedded import Addresses, Services, check_alive, down, running, status, up
from streamer.embedded import ports as port_choice
from streamer.embedded.ports import HOST
from streamer.embedded.processes import command_line
from streamer.embedded.valkey import Valkey

pytestmark = pytest.mark.integration

# Prints the addresses of its servers, then runs until a signal ends it.
PARENT = """
import json, sys
from pathlib import Path
from streamer.embedded import running
with running(Path(sys.argv[1])) as services:
    print(json.dumps([services.kafka.pid, services.redis.pid]), flush=True)
    sys.stdin.read()
"""


def start_parent(home: Path) -> tuple[subprocess.Popen[str], list[int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    return parent, json.loads(parent.stdout.readline())


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def nothing_of(home: Path) -> bool:
    """Return whether no process of this machine was started for ``home``, including guards."""
    return not any(str(home) in command_line(pid) for pid in all_pids() if pid != os.getpid())


def all_pids() -> list[int]:
    proc = Path("/proc")
    if (proc / "self").exists():
        return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()]
    listed = subprocess.run(["ps", "-e", "-o", "pid="], capture_output=True, text=True, check=True)
    return [int(pid) for pid in listed.stdout.split()]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_servers_end_with_the_process_that_started_them(tmp_path: Path, ending: signal.Signals) -> None:
    parent, pids = start_parent(tmp_path)
    with parent:
        assert all(str(tmp_path) in command_line(pid) for pid in pids)
        # To the whole group, as the terminal does for Ctrl-C.
        os.killpg(parent.pid, ending)
        assert parent.wait(timeout=30) != 0
        until(lambda: nothing_of(tmp_path))
    # The leftovers do no harm.
    with running(tmp_path) as again:
        assert again.answer()


def test_up_keeps_them_running_until_down(tmp_path: Path) -> None:
    assert status(tmp_path).addresses is None
    try:
        with ThreadPoolExecutor(2) as pool:  # two at once: one starts, the other waits
            first, second = pool.map(lambda _: up(tmp_path), range(2))
        assert first == second
        seen = status(tmp_path)
        assert (seen.kept, seen.addresses) == (True, first)
        key = (tmp_path / "control.key").read_bytes()
        assert len(key.strip()) == 64 and (tmp_path / "control.key").stat().st_mode & 0o777 == 0o600
        assert up(tmp_path) == first
        assert status(tmp_path) == seen and (tmp_path / "control.key").read_bytes() == key

        with running(tmp_path) as services:
            assert services.addresses == first
            create_topics(first.kafka, lanes=2)
        assert status(tmp_path) == seen  # a session that finds them does not stop them

        assert seen.redis_pid is not None
        os.kill(seen.redis_pid, signal.SIGKILL)
        assert up(tmp_path) == first
        assert status(tmp_path).kafka_pid == seen.kafka_pid  # the healthy one is left alone
        assert lane_count(first.kafka) == 2
    finally:
        assert down(tmp_path)
    until(lambda: nothing_of(tmp_path))
    assert status(tmp_path).addresses is None
    assert not down(tmp_path)


def test_up_outlives_the_process_that_called_it(tmp_path: Path) -> None:
    call = f"from pathlib import Path; from streamer.embedded import up; print(up(Path({str(tmp_path)!r})).kafka)"
    try:
        ran = subprocess.run(
            [sys.executable, "-c", call],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        seen = status(tmp_path).addresses
        assert seen is not None
        assert seen.kafka == ran.stdout.strip()
    finally:
        assert down(tmp_path)


def test_a_server_that_ended_is_named_with_its_log(tmp_path: Path) -> None:
    with running(tmp_path) as services:
        check_alive(tmp_path)
        services.kafka.kill()
        with pytest.raises(UserError, match="Kafka exited unexpectedly") as refused:
            check_alive(tmp_path)
        assert str(tmp_path / "kafka.log") in refused.value.hint


def test_a_second_session_in_the_same_home_names_the_first(services: Services) -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match=f"process {os.getpid()}"), running(services.home):
        pass
    with pytest.raises(UserError, match="STREAMER_HOME"):
        up(services.home)
    assert time.monotonic() - began < 10
    assert services.answer()


def test_data_stays_and_taken_ports_are_replaced(tmp_path: Path) -> None:
    with running(tmp_path) as services:
        before = services.addresses
        create_topics(before.kafka, lanes=2)
        with redis.Redis.from_url(before.redis) as client:
            client.set("customer", "17850")
    taken = (services.kafka.port, services.redis.port)
    with (
        socket.create_server((HOST, taken[0])),
        socket.create_server((HOST, taken[1])),
        running(tmp_path) as services,
    ):
        assert services.kafka.port not in taken
        assert services.redis.port not in taken
        assert lane_count(services.addresses.kafka) == 2
        with redis.Redis.from_url(services.addresses.redis) as client:
            assert client.get("customer") == b"17850"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_ports_taken_in_the_last_moment_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = port_choice.choose
    with socket.create_server((HOST, 0)) as thief:
        stolen = thief.getsockname()[1]
        choices = iter(["redis", "kafka"])

        def choose(count: int, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
            chosen = really(count, preferred)
            return (stolen, *chosen[1:]) if next(choices, None) else chosen

        monkeypatch.setattr(port_choice, "choose", choose)
        with running(tmp_path) as services:
            assert services.answer()
            assert stolen not in (services.kafka.port, services.redis.port)


def test_killed_servers_come_back_at_the_same_address(services: Services, prefix: str, redis_url: str) -> None:
    before = services.addresses
    create_topics(before.kafka, prefix=prefix, lanes=2)
    pid = services.kafka.pid
    services.kafka.kill()
    assert not services.kafka.alive()
    with pytest.raises(UserError, match="no Kafka at"):
        lane_count(before.kafka, prefix)
    services.kafka.restart()
    assert services.kafka.pid != pid
    assert lane_count(before.kafka, prefix) == 2

    with redis.Redis.from_url(redis_url) as client:
        client.set("a", "b")
        services.redis.kill()
        services.redis.restart()
        assert client.get("a") is None  # these servers run without persistence
        client.set("a", "b")
        services.redis.wipe()
        assert client.get("a") is None
    assert services.addresses == before


def test_persistent_valkey_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    server.launch(keep=False)
    try:
        server.await_ready()
        with redis.Redis.from_url(server.address) as client:
            client.set("a", "b")
            client.waitaof(1, 0, 5_000)
            server.kill()
            server.restart()
            assert client.get("a") == b"b"
    finally:
        server.stop()


def test_a_start_that_fails_shows_why_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="many-years") as failed,
        running(tmp_path, kafka_overrides={"log.retention.ms": "many-years"}),
    ):
        pass
    assert "Kafka exited during start-up" in failed.value.message
    assert str(tmp_path) in failed.value.hint
    until(lambda: nothing_of(tmp_path))


def test_addresses_hold_the_versions(addresses: Addresses) -> None:
    assert addresses.kafka_version == "4.1.1"
    assert addresses.redis_version.startswith("valkey 9.")
    assert addresses.redis.startswith("redis://127.0.0.1:")
