"""Test the command line on real servers, from a supervised worker to what a person sees of a customer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import redis
from command_line import CommandLine, until

from schemas import topics
from schemas.partition import partition_for
from streamer.adapters.redis_keys import LaneKeys, stored_token
from streamer.adapters.topics import create_topics
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

LANES = 2
PATIENCE_SECONDS = 120.0


def children(pid: int) -> dict[int, str]:
    """Return processes started by ``pid``, with their command lines."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        own, parent, arguments = line.split(None, 2)
        if int(parent) == pid:
            found[int(own)] = arguments
    return found


def lives(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.fixture
def streamer(tmp_path: Path, addresses: Addresses, redis_url: str, prefix: str) -> CommandLine:
    return CommandLine(
        tmp_path,
        {
            "STREAMER_HOME": str(tmp_path / "home"),
            "STREAMER_KAFKA": addresses.kafka,
            "STREAMER_REDIS": redis_url,
            "STREAMER_TOPIC_PREFIX": prefix,
            "STREAMER_LANES": str(LANES),
            "STREAMER_METRICS_PORT": "0",
            "STREAMER_SESSION_SECONDS": "2",
        },
    )


def test_an_event_is_published_watched_and_shown(streamer: CommandLine) -> None:
    with streamer.running("worker") as (worker, log):
        until(lambda: "lane assignment changed" in log.read_text(), log)
        with streamer.running("watch", "--customer", "17", "--segmentation", "lifecycle", "--limit", "1") as (
            watching,
            seen,
        ):
            until(lambda: "watching" in seen.read_text(), seen)
            sent = streamer.json("publish", "order", "--customer", "17", "--total", "59.90", "--event-id", "e-1")
            assert sent["partition"] == partition_for(b"17", LANES)
            until(lambda: watching.poll() is not None, seen)
            assert watching.returncode == 0
            assert "17 lifecycle (none) -> New because orders 1" in seen.read_text()
            assert "[event, safe]" in seen.read_text()

        # The view is written just after the transaction that `watch` saw.
        until(lambda: streamer.run("customer", "show", "17").exit_code == 0)
        shown = streamer.json("customer", "show", "17")
        assert {name: one["id"] for name, one in shown["segments"].items()} == {"lifecycle": "new", "value": "medium"}
        assert shown["next_moves"]["lifecycle"]["to"] == "at_risk"
        own = streamer.run("customer", "show", "17").stdout
        assert re.search(r"; At risk on \S.* if no events arrive", own), own
        missing = streamer.run("customer", "show", "nobody")
        assert missing.exit_code == 1
        assert "no such customer: nobody" in missing.stderr

        sizes = streamer.json("segments", "list")
        assert {one["id"]: one["size"] for one in sizes["lifecycle"]["segments"]}["new"] == 1

        # The same event again is a duplicate, and lines that are not events are dead letters.
        streamer.json("publish", "order", "--customer", "17", "--total", "59.90", "--event-id", "e-1")
        lines = b'nonsense\n{"type": "order.exploded", "customer_id": "5"}\n'
        refused = streamer.run("publish", "events", input=lines)
        assert refused.exit_code == 1
        assert "line 1" in refused.stderr
        assert streamer.json("publish", "events", "--unchecked", input=lines) == {"published": 2}
        until(lambda: streamer.json("deadletters", "list")["total"] == 2, log)
        letter = streamer.json("deadletters", "list", "--reason", "not_json")["dead_letters"][0]
        printed = streamer.run("deadletters", "show", letter["place"]).stdout
        assert "not_json" in printed
        assert "nonsense" in printed

        # `deadletters` reads the log; `status` reads the view, which follows it.
        until(lambda: streamer.json("status")["consumed"] == 4, log)
        status = streamer.json("status")
        assert status["restoring"] == {}
        assert status["unaccounted"] == 0
        assert (status["consumed"], status["applied"], status["duplicates"]) == (4, 1, 1)
        assert status["dead_letters"] == {"not_json": 1, "unknown_type": 1}
        # The invalid line had no customer as its key; nothing else is wrong.
        found = [line.split(maxsplit=1)[1] for line in streamer.run("doctor").stdout.splitlines() if "WRONG" in line]
        assert found == ["producers: 1 of the latest 4 events has no key"]
        assert streamer.run("topics", "check").exit_code == 0

        started = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        assert time.monotonic() - started < 20, "it had to be killed"


def test_a_restore_shows_how_far_it_is(streamer: CommandLine, redis_url: str, prefix: str) -> None:
    with streamer.running("worker", "--role", "lanes") as (_, log):
        until(lambda: "lane assignment changed" in log.read_text(), log)
        streamer.json("publish", "order", "--customer", "17", "--total", "5")
        until(lambda: streamer.run("customer", "show", "17").exit_code == 0, log)
    # The state left by a worker that is killed during a restore.
    with redis.Redis.from_url(redis_url) as view:
        view.set(LaneKeys(f"{prefix}.streamer", 1).token, stored_token("restoring:5f3a:50:200"))
    printed = " ".join(streamer.run("status").stdout.split())
    assert "lane 1 is being restored: 25% of its changelog has been read back (offset 50 of 200)" in printed
    with streamer.running("worker", "--role", "lanes") as (_, log):
        until(lambda: "lane assignment changed" in log.read_text(), log)
        assert log.read_text().count("restored a lane") == LANES
        assert streamer.json("status")["restoring"] == {}


def test_a_killed_worker_comes_back_and_ctrl_c_leaves_nothing(streamer: CommandLine) -> None:
    with streamer.running("worker", "--role", "lanes") as (worker, log):
        until(lambda: "lane assignment changed" in log.read_text(), log)
        (first,) = children(worker.pid)
        with urllib.request.urlopen(_metrics(log), timeout=30) as answer:
            assert f"streamer_lanes_owned {LANES}.0" in answer.read().decode()
        os.kill(first, signal.SIGKILL)
        until(lambda: log.read_text().count("lane assignment changed") >= 2, log)
        assert "SIGKILL" in log.read_text()
        (second,) = children(worker.pid)
        assert second != first
        streamer.json("publish", "order", "--customer", "18", "--total", "5")
        until(lambda: streamer.run("customer", "show", "18").exit_code == 0, log)

        worker.send_signal(signal.SIGINT)
        assert worker.wait(60) == 130
        until(lambda: not lives(second))
        assert "Traceback" not in log.read_text()


def test_workers_end_with_a_killed_supervisor(streamer: CommandLine) -> None:
    with streamer.running("worker") as (worker, log):
        until(lambda: "lane assignment changed" in log.read_text(), log)
        started = list(children(worker.pid))
        assert len(started) == 2
        worker.kill()
        until(lambda: not any(lives(pid) for pid in started), log)


def test_where_no_worker_runs_the_commands_report_it(streamer: CommandLine) -> None:
    streamer.json("topics", "create")
    streamer.json("publish", "order", "--customer", "17", "--total", "5")
    assert "1 record waiting, no worker; start one: `streamer worker`" in " ".join(
        streamer.run("status").stdout.split()
    )
    assert streamer.json("status")["workers"] == 0
    missing = streamer.run("customer", "show", "17")
    assert missing.exit_code == 1
    assert "no worker is running to add new customers" in " ".join(missing.stderr.split())


def test_ctrl_c_ends_a_watch_at_once_and_odd_wishes_are_doubted(streamer: CommandLine) -> None:
    streamer.json("topics", "create")
    with streamer.running("watch", "--to", "nowhere") as (watching, seen):
        until(lambda: "watching" in seen.read_text(), seen)
        assert "no worker is running" in seen.read_text()
        assert "no such segment: nowhere; choose one of: " in seen.read_text()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
        assert "Traceback" not in seen.read_text()


def test_topics_are_made_checked_and_fixed(streamer: CommandLine, addresses: Addresses, prefix: str) -> None:
    missing = streamer.run("publish", "order", "--customer", "1", "--total", "1")
    assert missing.exit_code == 1
    assert "streamer topics create" in missing.stderr
    assert streamer.run("topics", "check").exit_code == 1
    made = streamer.json("topics", "create")
    assert len(made["created"]) == len(topics.TOPICS)
    assert streamer.json("topics", "create")["created"] == []
    name = topics.full_name(topics.EVENTS, prefix)
    _set_retention(addresses.kafka, name, "1000")
    wrong = streamer.run("topics", "check")
    assert wrong.exit_code == 1
    assert f"retention.ms of {name} is 1000" in wrong.stdout
    assert streamer.json("topics", "check", "--fix") == {"fixed": [name], "mended": [name], "findings": []}
    _set_retention(addresses.kafka, name, "1000")
    assert streamer.json("topics", "check", "--mend")["fixed"] == [name], "the flag of release 0.1.0"


def test_other_lanes_than_set_are_refused(streamer: CommandLine, addresses: Addresses, prefix: str) -> None:
    create_topics(addresses.kafka, prefix=prefix, lanes=LANES + 1)
    refused = streamer.run("worker", "--role", "lanes")
    assert refused.exit_code == 1
    assert f"STREAMER_LANES={LANES + 1}" in refused.stderr


def test_a_record_beyond_the_limit_says_what_the_limit_is(streamer: CommandLine) -> None:
    streamer.json("topics", "create")
    line = json.dumps({"type": "order.completed", "customer_id": "5", "note": "x" * 2_000_000}).encode()
    for flags in ((), ("--unchecked",)):
        refused = streamer.run("publish", "events", *flags, input=line)
        assert refused.exit_code == 1
        assert "limit (max.message.bytes) is 1,048,576 bytes" in refused.stderr


def test_a_missing_redis_is_named(streamer: CommandLine, tmp_path: Path, addresses: Addresses, prefix: str) -> None:
    lost = CommandLine(
        tmp_path,
        {
            "STREAMER_KAFKA": addresses.kafka,
            "STREAMER_REDIS": "redis://127.0.0.1:1/0",
            "STREAMER_TOPIC_PREFIX": prefix,
            "STREAMER_LANES": str(LANES),
        },
    )
    for command in (("worker",), ("segments", "list")):
        refused = lost.run(*command)
        assert refused.exit_code == 1
        assert "no Redis at 127.0.0.1:1" in refused.stderr
        assert "Traceback" not in refused.stderr


def _metrics(log: Path) -> str:
    for line in log.read_text().splitlines():
        if "serving metrics" in line:
            return str(json.loads(line[line.index("{") :])["streamer.url"])
    raise AssertionError("no metrics port")


def _set_retention(bootstrap: str, name: str, value: str) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.alter_configs([ConfigResource("TOPIC", name, {"retention.ms": value})])
    finally:
        admin.close()
