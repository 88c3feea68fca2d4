"""Wait for an unavailable Redis, with one plain message for all lanes."""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
    TryAgainError,
)

log = structlog.get_logger(__name__)

Wait = tuple[str, str]
"""The fault, and how to fix it."""

_PASSWORD: Final = (
    "Redis rejects the user name or password",
    "set STREAMER_REDIS_USERNAME and STREAMER_REDIS_PASSWORD",
)
_FULL: Final = ("Redis is full", "raise its maxmemory, or reduce what other programs store there")
_READ_ONLY: Final = (
    "Redis is read-only: it is a replica, for example during a failover",
    "if this persists, set STREAMER_REDIS to the primary",
)
_FAILING_OVER: Final = ("Redis is failing over", "if this persists, check its log")
_LOADING: Final = ("Redis is loading its data", "nothing needs to be done")
_BUSY: Final = (
    "Redis is busy with another program's script",
    ("if this persists, stop the script: redis-cli SCRIPT KILL or FUNCTION KILL"),
)
_NO_DISK: Final = ("Redis cannot save to disk, so it rejects writes", "free space on its disk, and check its log")
_NO_REPLICAS: Final = ("Redis has too few replicas, so it rejects writes", "restore its replicas")
_EVICTS: Final = (
    "Redis evicts customers: maxmemory is set, and maxmemory-policy is one of allkeys-*",
    "run `redis-cli CONFIG SET maxmemory-policy noeviction`, and set the same in its configuration",
)
_AWAY: Final = ("Redis cannot be reached", "start it, or check the network between it and this machine")


class Evicting(RedisError):
    """Raised if the server evicts keys without an expiry, because a view cannot be filled then."""


_BY_CLASS: Final[tuple[tuple[type[Exception], Wait], ...]] = (
    (AuthenticationError, _PASSWORD),
    (AuthorizationError, _PASSWORD),
    (Evicting, _EVICTS),
    (OutOfMemoryError, _FULL),
    (ReadOnlyError, _READ_ONLY),
    (BusyLoadingError, _LOADING),
    (MasterDownError, _FAILING_OVER),
    (ClusterDownError, _FAILING_OVER),
    (TryAgainError, _FAILING_OVER),
    (ConnectionError, _AWAY),
    (TimeoutError, _AWAY),
    (OSError, _AWAY),
)
"""The first match counts, because some classes derive from others."""
_BY_CODE: Final = {
    "BUSY": _BUSY,
    "MISCONF": _NO_DISK,
    "NOREPLICAS": _NO_REPLICAS,
    "OOM": _FULL,
    "READONLY": _READ_ONLY,
    "MASTERDOWN": _FAILING_OVER,
    "LOADING": _LOADING,
}
"""Codes without a redis-py class, and codes of errors raised by functions inside the server."""


def waited_for(error: RedisError | OSError) -> Wait | None:
    """Return the message for a temporary error, or None for a programming error."""
    for kind, wait in _BY_CLASS:
        if isinstance(error, kind):
            return wait
    code = getattr(error, "status_code", None) or str(error).partition(" ")[0]
    return _BY_CODE.get(code)


class Outage:
    """The common outage of all lanes on one server. Logged when it begins and ends, and once for each cause.

    During a failover, a server tells some lanes that it is read-only and others that its master is down.
    """

    def __init__(self) -> None:
        self._waiting: set[int] = set()
        self._reported: set[Wait] = set()
        self._since = 0.0

    def begins(self, lane: int, wait: Wait, error: Exception) -> None:
        """Record that a lane starts waiting, or still waits."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.add(lane)
        if wait not in self._reported:
            self._reported.add(wait)
            log.warning(
                f"{wait[0]}; pausing lanes until it recovers (no data is lost)", hint=wait[1], error=repr(error)
            )

    def ends(self, lane: int) -> None:
        """Record that a lane is served again."""
        self._waiting.discard(lane)
        if not self._waiting and self._reported:
            self._reported.clear()
            log.info("Redis recovered", seconds=round(time.monotonic() - self._since, 1))


_OUTAGES: WeakKeyDictionary[Redis, Outage] = WeakKeyDictionary()


def outage_of(client: Redis) -> Outage:
    """Return the outage shared by all views of a client."""
    return _OUTAGES.setdefault(client, Outage())
