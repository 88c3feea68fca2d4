"""Test ``doctor`` on servers that are misconfigured."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from command_line import CommandLine

from streamer.adapters import broker_clock
from streamer.adapters.admin import connect
from streamer.embedded import Addresses, ports

pytestmark = pytest.mark.integration


@pytest.fixture
def variables(tmp_path: Path, addresses: Addresses, redis_url: str, prefix: str) -> dict[str, str]:
    return {
        "STREAMER_HOME": str(tmp_path / "home"),
        "STREAMER_KAFKA": addresses.kafka,
        "STREAMER_REDIS": redis_url,
        "STREAMER_TOPIC_PREFIX": prefix,
        "STREAMER_LANES": "2",
    }


def doctor(folder: Path, variables: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
    ran = CommandLine(folder, variables).run("doctor", "--json")
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, json.loads(ran.stdout)["findings"]


def wrong(findings: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return what is wrong with its hint, by subject."""
    return {one["subject"]: (one["text"], one["hint"]) for one in findings if one["hint"] and one["wrong"]}


def test_a_service_that_waits_for_its_worker(
    tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, redis_url: str, addresses: Addresses
) -> None:
    code, found = doctor(tmp_path, variables)
    assert code == 1
    assert wrong(found) == {
        "topics": ("no topics yet", "run `streamer topics create`, or start a worker"),
    }

    streamer = CommandLine(tmp_path, variables)
    assert streamer.run("topics", "create").exit_code == 0
    code, found = doctor(tmp_path, variables)
    assert (code, wrong(found)) == (0, {})
    # The tests' servers keep no data, and no command has created a key: each is worth a note and no more.
    notes = {one["subject"]: one["hint"] for one in found if one["hint"]}
    assert notes.keys() == {"Redis", "control key"}
    assert notes["Redis"] == "set appendonly yes, appendfsync everysec"
    assert "streamer keys create" in notes["control key"]
    shown = CommandLine(tmp_path, variables).run("doctor").stdout
    assert "ok    clock: within " in shown
    assert "note  Redis: it writes nothing to disk" in shown

    streamer.json("publish", "view", "--customer", "17")
    _, found = doctor(tmp_path, variables)
    assert wrong(found)["records"] == (
        "0 taken, 1 waiting, unaccounted 0, 0 workers",
        "start one: `streamer worker`",
    )

    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            _, found = doctor(tmp_path, variables)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert "maxmemory-policy is allkeys-lru" in wrong(found)["Redis"][0]

    monkeypatch.setattr(broker_clock, "time", SimpleNamespace(time=lambda: time.time() + 60))
    code, found = doctor(tmp_path, variables)
    assert code == 1
    text, hint = wrong(found)["clock"]
    assert "this machine's clock is 60.0 s ahead of the broker's" in text
    assert "NTP" in hint


def test_the_wrong_settings_of_a_topic(tmp_path: Path, variables: dict[str, str], addresses: Addresses) -> None:
    from kafka.admin import ConfigResource

    streamer = CommandLine(tmp_path, variables)
    assert streamer.run("topics", "create").exit_code == 0
    topic = f"{variables['STREAMER_TOPIC_PREFIX']}.customer.events.v1"
    with connect(addresses.kafka) as admin:
        admin.alter_configs([ConfigResource("TOPIC", topic, {"message.timestamp.type": "CreateTime"})])
    text, hint = wrong(doctor(tmp_path, variables)[1])["topics"]
    assert f"message.timestamp.type of {topic} is CreateTime" in text
    assert "--fix" in hint
    assert streamer.run("topics", "check", "--fix").exit_code == 0
    assert doctor(tmp_path, variables)[0] == 0


@pytest.mark.parametrize(
    ("name", "subject", "well"),
    [("STREAMER_KAFKA", "Kafka", "Redis"), ("STREAMER_REDIS", "Redis", "Kafka")],
)
def test_a_missing_server_is_reported_and_the_other_is_checked(
    tmp_path: Path, variables: dict[str, str], name: str, subject: str, well: str
) -> None:
    (port,) = ports.choose(1)
    nowhere = f"127.0.0.1:{port}"
    variables[name] = nowhere if subject == "Kafka" else f"redis://{nowhere}/0"
    code, found = doctor(tmp_path, variables)
    assert code == 1
    text, hint = wrong(found)[subject]
    assert text.startswith(f"no {subject} at {nowhere}")
    assert "streamer up" in hint
    assert name in hint
    assert next(one for one in found if one["subject"] == well)["hint"] is None
