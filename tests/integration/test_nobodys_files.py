"""Test that embedded servers remove only their own files, lose no process, and come back when they die."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from schemas.errors import UserError
from streamer.adapters.topics import create_topics, lane_count
from streamer.embedded import down, status, up
from streamer.embedded.ownership import MARKER
from streamer.embedded.processes import running as processes

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    # Also where the test failed half-way and the marker is gone.
    down(tmp_path / "home")
    for pid in servers_of(tmp_path / "home"):
        os.kill(pid, signal.SIGKILL)


def servers_of(home: Path) -> list[int]:
    """Return all processes of both servers, including guards."""
    kafka = [pid for pid, _ in processes(["kafka.Kafka", str(home / "kafka.properties")])]
    return kafka + [pid for pid, _ in processes(["--dir", str(home / "redis")])]


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@pytest.mark.parametrize("name", ["kafka/main.py", "redis/notes.txt", "kafka.tmp/a", "kafka.json", "lock", "redis.log"])
def test_a_folder_with_somebody_elses_files_is_refused(home: Path, name: str) -> None:
    theirs = home / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(UserError, match="streamer did not create it") as refused:
        up(home)
    assert "STREAMER_HOME" in refused.value.hint
    assert not down(home)
    assert theirs.read_text() == "mine"
    assert [path for path in home.rglob("*") if path.is_file()] == [theirs], "nothing was added either"


def test_a_folder_of_a_project_may_be_the_home(home: Path) -> None:
    """As long as none of our names is used there."""
    (home / "src").mkdir(parents=True)
    (home / "src" / "main.py").write_text("mine")
    up(home)
    assert down(home)
    assert (home / "src" / "main.py").read_text() == "mine"


def test_damaged_metadata_is_an_error_and_the_data_stays(home: Path) -> None:
    create_topics(up(home).kafka, lanes=3)
    down(home)
    path = home / "kafka" / "meta.properties"
    whole = path.read_text()
    before = sorted(entry.name for entry in (home / "kafka").iterdir())
    lost_id = whole.replace("cluster.id", "cluster")
    for damage in ("", lost_id, whole.replace("cluster.id=", "cluster.id=other"), "\x00\xff" * 40, None):
        path.unlink(missing_ok=True)
        if damage is not None:
            path.write_text(damage)
        with pytest.raises(UserError, match=r"meta.properties is missing or damaged") as refused:
            up(home)
        kept = sorted(entry.name for entry in (home / "kafka").iterdir())
        assert set(before) - set(kept) <= {"meta.properties"}
    assert servers_of(home) == [], "the other server is not left alone"
    # The fix is a command, and it works.
    command = refused.value.hint.partition("cp ")[2]
    subprocess.run(f"cp {command}", shell=True, check=True)
    assert lane_count(up(home).kafka) == 3


def test_metadata_that_was_never_remembered_is_restored_or_moved_away(home: Path) -> None:
    up(home)
    down(home)
    (home / "kafka" / "meta.properties").unlink()
    for marker in home.rglob(MARKER):
        marker.unlink()
    with pytest.raises(UserError) as refused:
        up(home)
    assert "backup" in refused.value.hint and f"mv '{home}/kafka'" in refused.value.hint
    (home / "kafka").rename(home / "kafka.old")
    up(home)


def test_a_home_of_the_version_before_is_taken_over(home: Path) -> None:
    """It has no markers; it may even have been killed while it prepared Kafka's data."""
    addresses = up(home)
    create_topics(addresses.kafka, lanes=3)
    with redis.Redis.from_url(addresses.redis) as client:
        client.set("a", "b")
        client.waitaof(1, 0, 5_000)
    down(home)
    for marker in home.rglob(MARKER):
        marker.unlink()
    (home / "kafka.draft").mkdir()
    (home / "kafka.draft" / "bootstrap.checkpoint").write_text("half")
    addresses = up(home)
    assert lane_count(addresses.kafka) == 3
    with redis.Redis.from_url(addresses.redis) as client:
        assert client.get("a") == b"b"
    assert {marker.parent.name for marker in home.rglob(MARKER)} >= {"home", "kafka", "redis", "kafka.tmp"}


UP = "import sys; from pathlib import Path; from streamer.embedded import up; up(Path(sys.argv[1]))"


def test_a_start_that_was_killed_leaves_nothing_behind(home: Path) -> None:
    """At all moments of a start: afterwards there is one of each, and `down` ends all."""
    random_ = random.Random(3)
    for _ in range(5):
        starter = subprocess.Popen([sys.executable, "-c", UP, str(home)], start_new_session=True)
        time.sleep(random_.uniform(0.2, 3.0))
        starter.kill()
        starter.wait()
    addresses = up(home)
    assert len(servers_of(home)) == 4, "two servers, each with its guard"
    create_topics(addresses.kafka, lanes=2)
    assert down(home)
    assert servers_of(home) == []


def test_a_damaged_record_loses_no_server(home: Path) -> None:
    create_topics(up(home).kafka, lanes=2)
    (home / "kafka.json").write_text('{"pid": 1, "po')
    (home / "redis.json").unlink()
    assert lane_count(up(home).kafka) == 2
    assert len(servers_of(home)) == 4
    (home / "kafka.json").write_text("[]")
    assert down(home)
    assert servers_of(home) == []


def test_servers_that_die_are_started_again(home: Path) -> None:
    addresses = up(home)
    create_topics(addresses.kafka, lanes=2)
    for _ in range(2):
        seen = status(home)
        assert seen.kafka_pid is not None and seen.redis_pid is not None
        os.kill(seen.kafka_pid, signal.SIGKILL)
        os.kill(seen.redis_pid, signal.SIGKILL)
        until(lambda: status(home).addresses == addresses)
        after = status(home)
        assert after.kafka_pid != seen.kafka_pid and after.redis_pid != seen.redis_pid
        assert lane_count(addresses.kafka) == 2
    assert "is started again in 1 s" in (home / "redis.log").read_text()
    assert down(home)
    time.sleep(2)
    assert servers_of(home) == [], "what was stopped stays so"


def middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at, some = len(data) // 2, min(300, len(data) // 4)  # more than a value, which would go unnoticed
    data[at : at + some] = b"\xff" * some
    path.write_bytes(data)


@pytest.mark.parametrize("part", ["*.incr.aof", "*.base.rdb", "*.manifest"])
def test_a_damaged_append_only_file_is_set_aside(home: Path, part: str) -> None:
    addresses = up(home)
    with redis.Redis.from_url(addresses.redis) as client:
        for number in range(1_000):
            client.set(f"a{number}", "b" * 100)
        if part == "*.base.rdb":
            client.bgrewriteaof()
            until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
        client.waitaof(1, 0, 5_000)
    down(home)
    [damaged] = (home / "redis" / "appendonlydir").glob(part)
    middle(damaged)
    warnings: list[str] = []
    addresses = up(home, warn=warnings.append)
    with redis.Redis.from_url(addresses.redis) as client:
        assert client.dbsize() == 0
    [aside] = (home / "redis").glob("appendonlydir.damaged-*")
    assert len(warnings) == 1 and str(aside) in warnings[0] and "rebuild the view" in warnings[0]
    assert (aside / damaged.name).exists()
    assert status(home).kept and len(servers_of(home)) == 4
    down(home)
    up(home)
    assert len(list((home / "redis").glob("appendonlydir.damaged-*"))) == 1, "what is well stays where it is"
