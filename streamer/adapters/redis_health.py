"""Check from INFO whether a Redis is fit to hold the view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from models.messages.translatable import translatable
from schemas.errors import UserError

_OLDEST: Final = (7, 2)
"""Minimum Redis version with the functions we use. Every Valkey has them."""
_FULL: Final = 0.8
_NO_EVICTION: Final = translatable("redis no eviction")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A misconfiguration. ``vital`` if it could affect results or the service; otherwise it costs time."""

    text: str
    hint: str
    vital: bool


def judge(info: Mapping[str, Any]) -> Iterator[Trouble]:
    """Yield the faults in INFO's sections server, memory and persistence, as redis-py parses them. Pure."""
    if "valkey_version" not in info and _version(str(info.get("redis_version", "0"))) < _OLDEST:
        yield Trouble(
            translatable("redis too old", version=str(info.get("redis_version"))),
            translatable("redis too old fix"),
            True,
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if evicts(info):
        yield Trouble(translatable("redis evicts", policy=policy), _NO_EVICTION, True)
    elif policy != "noeviction":
        yield Trouble(translatable("redis would evict", policy=policy), _NO_EVICTION, True)
    if limit and used >= _FULL * limit:
        yield Trouble(translatable("redis full", share=used / limit), translatable("redis full fix"), True)
    saves = bool(info.get("aof_enabled")) or info.get("rdb_saves", 0)
    if not info.get("aof_enabled"):
        what = translatable("redis snapshots" if saves else "redis no disk")
        yield Trouble(translatable("redis rebuilt", what=what), translatable("redis rebuilt fix"), False)
    for name, part in (("aof_last_write_status", "log"), ("rdb_last_bgsave_status", "snapshot")):
        if info.get(name, "ok") != "ok":
            yield Trouble(translatable(f"redis {part} failed"), translatable("redis write failed fix"), True)


def evicts(info: Mapping[str, Any]) -> bool:
    """Return whether a full server evicts keys without an expiry, such as ours."""
    return str(info.get("maxmemory_policy", "")).startswith("allkeys-") and int(info.get("maxmemory", 0)) > 0


def refuse_eviction(url: str, options: Mapping[str, Any]) -> None:
    """Raise UserError if a server may evict customers. Accept one that is unavailable or hides its settings.

    Parameters
    ----------
    options
        See ``adapters.redis.connect``.
    """
    try:
        with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, **options) as client:
            info: Mapping[str, Any] = client.info("memory")
    except (RedisError, OSError):
        return
    if evicts(info):
        raise UserError(
            f"Redis may evict customers: maxmemory is set, and maxmemory-policy is {info['maxmemory_policy']}",
            _NO_EVICTION,
        )


def _version(text: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, or zeros if missing.

    >>> _version("7.0.15")
    (7, 0)
    """
    parts = [int(part) if part.isdigit() else 0 for part in text.split(".")]
    return (parts[0], parts[1] if len(parts) > 1 else 0)
