"""Test what a Redis' INFO reveals about its health."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.adapters.redis_health import judge

SOUND: dict[str, Any] = {
    "valkey_version": "9.1.2",
    "redis_version": "7.2.4",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "used_memory": 10_000_000,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "rdb_last_bgsave_status": "ok",
}


def test_a_sound_server_is_not_complained_of() -> None:
    assert list(judge(SOUND)) == []
    assert list(judge({**SOUND, "maxmemory": 20_000_000})) == []


@pytest.mark.parametrize(
    ("changed", "problem", "hint", "vital"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy is allkeys-lru", "noeviction", True),
        ({"maxmemory": 11_000_000}, "91% of its memory", "raise maxmemory", True),
        ({"aof_enabled": 0}, "rebuilt from Kafka", "appendonly yes", False),
        ({"aof_last_write_status": "err"}, "append-only file failed", "disk space", True),
        ({"rdb_last_bgsave_status": "err"}, "snapshot failed", "disk space", True),
    ],
)
def test_what_is_wrong_is_reported_with_the_fix(changed: dict[str, Any], problem: str, hint: str, vital: bool) -> None:
    (trouble,) = judge({**SOUND, **changed})
    assert problem in trouble.text
    assert hint in trouble.hint
    assert trouble.vital is vital


@pytest.mark.parametrize(("version", "old"), [("6.2.7", True), ("7.0.15", True), ("7.2.4", False), ("8.0", False)])
def test_redis_before_7_2_is_too_old(version: str, old: bool) -> None:
    info = {name: value for name, value in SOUND.items() if name != "valkey_version"} | {"redis_version": version}
    assert bool(list(judge(info))) is old
