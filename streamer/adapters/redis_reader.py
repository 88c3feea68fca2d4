"""Read the views of all lanes from outside, for the command line. Blocking and read-only.

Keys are those of ``redis_keys``. The data is what lanes committed some milliseconds earlier.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models.behaviour.model import ClusterModel
from models.customer.customer import Customer
from models.customer.snapshot import BOOK, CORE, PROFILE, glance, load, peek
from models.prediction.model import PredictionModel
from schemas.errors import UserError
from schemas.partition import partition_for
from streamer.adapters.redis_keys import LaneKeys, library, own_token, read_function
from streamer.adapters.redis_outage import waited_for
from streamer.core import ledger
from streamer.core.ledger import Ledger
from streamer.lanes import trouble
from streamer.lanes.keys import model_of_name
from streamer.lanes.restore import progress_of
from streamer.lanes.trouble import Trouble
from streamer.replay.preview import LaneCopy, lane_copy

CONNECT_SECONDS = 5.0
CHUNK = 1_000
"""Number of customers to read at once."""
_SHORT = [CORE, BOOK, PROFILE]
"""Parts of a state that are read from outside: all except sealed event ids."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A customer in the view: the readable document, the state without remembered event ids, and the behaviour row."""

    lane: int
    document: dict[str, Any]
    customer: Customer
    behaviour: bytes = b""


class ViewReader:
    """The view of all lanes.

    Parameters
    ----------
    options
        Options for the Redis client, in addition to those in the URL.

    Raises
    ------
    UserError
        Redis is unreachable or rejects us. Also raised by later calls.
    """

    def __init__(self, url: str, prefix: str, lanes: int, options: Mapping[str, Any] | None = None) -> None:
        self.lanes = lanes
        self._prefix = prefix
        self._client = connect(url, options)

    def close(self) -> None:
        self._client.close()

    def ledgers(self) -> list[Ledger]:
        """Return the ledgers of the lanes that have started, in lane order."""
        keys = [self._keys(lane).ledger for lane in range(self.lanes)]
        with plain_errors(self._client):
            return [ledger.load(raw) for raw in self._many(keys) if raw]

    def restoring(self) -> dict[int, tuple[int, int]]:
        """Return the lanes whose restore is running or was interrupted, with offsets done and total."""
        with plain_errors(self._client):
            stored = self._many([self._keys(lane).token for lane in range(self.lanes)])
        tokens = {lane: own_token(raw.decode()) for lane, raw in enumerate(stored) if raw}
        found = {lane: progress_of(token) for lane, token in tokens.items() if token}
        # A lane without any write has nothing to restore, and keeps that token until its first write.
        return {lane: progress for lane, progress in found.items() if progress is not None and progress[1]}

    def troubles(self) -> dict[int, Trouble]:
        """Return the owners' notes about batches that block a lane, by lane."""
        with plain_errors(self._client):
            notes = self._many([self._keys(lane).trouble for lane in range(self.lanes)])
        return {lane: found for lane, note in enumerate(notes) if (found := trouble.load(note)) is not None}

    def customer(self, id: str) -> Shown | None:
        """Return a customer by any of its ids, or None."""
        lane = partition_for(id.encode(), self.lanes)
        keys = self._keys(lane)
        with plain_errors(self._client):
            # One transaction, so that both values are from the same instant.
            pipe = self._client.pipeline(transaction=True)
            pipe.get(keys.document(id))
            pipe.hmget(keys.parts(id), _SHORT)
            document, answer = pipe.execute()
        parts = {name: part for name, part in zip(_SHORT, answer, strict=True) if part is not None}
        if document is None or CORE not in parts:
            alias = self.alias(id)
            return None if alias is None else self.customer(alias)
        return Shown(lane, json.loads(document), *glance(id, parts))

    def ids_like(self, start: str, most: int) -> list[str]:
        """Return up to ``most`` customer ids that begin with ``start``, in byte order."""
        low = b"[" + start.encode()
        found: list[bytes] = []
        with plain_errors(self._client):
            for lane in range(self.lanes):
                ids: Any = self._client.zrangebylex(self._keys(lane).ids, low, low + b"\xff", start=0, num=most)
                found += ids
        return [id.decode() for id in sorted(found)[:most]]

    def parts(self, id: str) -> dict[str, bytes] | None:
        """Return all parts stored under an id, or None."""
        lane = partition_for(id.encode(), self.lanes)
        with plain_errors(self._client):
            found: Any = self._client.hgetall(self._keys(lane).parts(id))
        return {name.decode(): part for name, part in found.items()} or None

    def alias(self, id: str) -> str | None:
        """Return the customer whose alias an id is, or None."""
        parts = self.parts(id)
        if parts is None or CORE in parts:
            return None
        profile = load(id, parts)[0].profile
        return None if profile is None else profile.alias

    def model(self) -> ClusterModel | None:
        """Return the newest cluster model of any lane, or None."""
        newest: tuple[int, bytes] | None = None
        with plain_errors(self._client):
            for lane in range(self.lanes):
                for version, body in self._models(lane, "clusters").items():
                    if newest is None or version > newest[0]:
                        newest = version, body
        return None if newest is None else ClusterModel.from_dict(json.loads(newest[1]))

    def definitions(self) -> tuple[int, str] | None:
        """Return version and text of the newest declared segmentations of any lane; None if there are only built-in ones."""
        newest: tuple[int, bytes] | None = None
        with plain_errors(self._client):
            for lane in range(self.lanes):
                for version, text in self._bodies(self._keys(lane).definitions).items():
                    if newest is None or version > newest[0]:
                        newest = version, text
        return None if newest is None else (newest[0], newest[1].decode())

    def lanes_copied(self) -> list[LaneCopy]:
        """Return the state of each started lane, without customers."""
        found = []
        with plain_errors(self._client):
            for lane in range(self.lanes):
                raw: Any = self._client.get(self._keys(lane).ledger)
                if raw is not None:
                    found.append(
                        lane_copy(
                            raw,
                            self._models(lane, "clusters"),
                            self._bodies(self._keys(lane).definitions),
                            self._models(lane, "predictions"),
                        )
                    )
        return found

    def customers(self, lane: int) -> Iterator[dict[str, dict[str, bytes]]]:
        """Yield all customers of a lane in chunks, in byte order of their ids, as states without event ids."""
        keys, after = self._keys(lane), b""
        while True:
            with plain_errors(self._client):
                low: Any = b"(" + after if after else b"-"
                ids: Any = self._client.zrangebylex(keys.ids, low, "+", start=0, num=CHUNK)
            if not ids:
                return
            yield self.these(lane, [id.decode() for id in ids])
            after = ids[-1]

    def these(self, lane: int, ids: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """Return states of a lane's customers by main id, in the given order, without event ids; omits erased customers."""
        keys = self._keys(lane)
        with plain_errors(self._client):
            pipe = self._client.pipeline(transaction=False)
            for id in ids:
                pipe.hmget(keys.parts(id), _SHORT)
            answers = pipe.execute()
        return {
            id: {part: raw for part, raw in zip(_SHORT, found, strict=True) if raw is not None}
            for id, found in zip(ids, answers, strict=True)
            if found[0] is not None
        }

    def _keys(self, lane: int) -> LaneKeys:
        return LaneKeys(self._prefix, lane)

    def _bodies(self, key: str) -> dict[int, bytes]:
        held: Any = self._client.hgetall(key)
        return {int(version): body for version, body in held.items()}

    def _models(self, lane: int, kind: str) -> dict[int, bytes]:
        """Return the bodies of a kind's published models, by version."""
        held: Any = self._client.hgetall(self._keys(lane).models)
        named = [(model_of_name(name.decode()), body) for name, body in held.items()]
        return {version: body for (of, version), body in named if of == kind}

    def models(self, lane: int) -> dict[int, ClusterModel]:
        """Return all cluster models that a lane keeps, by version."""
        with plain_errors(self._client):
            return {
                version: ClusterModel.from_dict(json.loads(body))
                for version, body in self._models(lane, "clusters").items()
            }

    def predictions(self, lane: int) -> dict[int, PredictionModel]:
        """Return all prediction models that a lane keeps, by version."""
        with plain_errors(self._client):
            return {
                version: PredictionModel.from_dict(json.loads(body))
                for version, body in self._models(lane, "predictions").items()
            }

    def everyone(self) -> Iterator[Customer]:
        """Yield all customers of all lanes, without order books. Read in chunks to limit memory."""
        for lane in range(self.lanes):
            for chunk in self.customers(lane):
                yield from (peek(id, parts[CORE]) for id, parts in chunk.items())

    def _many(self, keys: list[str]) -> list[bytes | None]:
        # Lanes' keys are in different slots of a cluster, which rejects MGET over several slots.
        found: list[Any] = [self._client.get(key) for key in keys]
        return found


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of all lanes' ledgers."""

    consumed: int
    applied: int
    duplicates: int
    late: int
    rerouted: int
    dead_letters: dict[str, int]
    control: int
    customers: int
    orders: int
    reversals: int
    revenue_minor: int
    changes: dict[str, int]
    segments: dict[str, dict[str, int]]
    unaccounted: int
    # Import records store these sums, and those of older releases lack later fields, so give new fields a default.
    fields_ignored: dict[str, int] = field(default_factory=dict)
    tracked: dict[str, int] = field(default_factory=dict)
    # Guest orders, guest refunds, and their money by currency, in minor units.
    guest_orders: int = 0
    guest_refunds: int = 0
    guest_money: dict[str, int] = field(default_factory=dict)


def totals(ledgers: Iterable[Ledger]) -> Totals:
    """Return the sums over lanes: ``changes`` by segmentation, ``segments`` with their customers."""
    held = list(ledgers)

    def total(of: Callable[[Ledger], int]) -> int:
        return sum(map(of, held))

    dead, ignored, tracked, money = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    changes: Counter[str] = Counter()
    segments: dict[str, Counter[str]] = {}
    for one in held:
        dead.update(one.dead_letters)
        ignored.update(one.fields_ignored)
        tracked.update(one.tracked)
        money.update({} if one.guests is None else one.guests.money)
        changes.update({name: sum(causes.values()) for name, causes in one.changes.items()})
        for name, sizes in one.sizes.items():
            segments.setdefault(name, Counter()).update(sizes)
    return Totals(
        consumed=total(lambda one: one.consumed),
        applied=total(lambda one: one.applied),
        duplicates=total(lambda one: one.duplicates),
        late=total(lambda one: one.late),
        rerouted=total(lambda one: one.rerouted),
        dead_letters=dict(sorted(dead.items())),
        fields_ignored=dict(sorted(ignored.items())),
        tracked=dict(sorted(tracked.items())),
        guest_orders=total(lambda one: one.guests.orders if one.guests else 0),
        guest_refunds=total(lambda one: one.guests.refunds if one.guests else 0),
        guest_money=dict(sorted(money.items())),
        control=total(lambda one: sum(one.control.values())),
        customers=total(lambda one: one.customers),
        orders=total(lambda one: one.orders),
        reversals=total(lambda one: one.reversals),
        revenue_minor=total(lambda one: one.revenue_minor),
        changes=dict(sorted(changes.items())),
        segments={name: dict(sorted(sizes.items())) for name, sizes in sorted(segments.items())},
        unaccounted=total(lambda one: one.unaccounted),
    )


def connect(url: str, options: Mapping[str, Any] | None = None) -> redis.Redis:
    """Return a client that has answered once. Raises UserError if there is no answer within 5 s."""
    client = redis.Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=CONNECT_SECONDS,
        **(options or {}),
    )
    try:
        with plain_errors(client):
            client.ping()
    except BaseException:
        client.close()
        raise
    return client


def try_view(client: redis.Redis, prefix: str) -> None:
    """Perform a lane's operations once, on keys of no lane. Raises UserError if the user lacks the rights."""
    keys = LaneKeys(prefix, "trial")
    with plain_errors(client):
        client.function_load(library(), replace=True)
        client.fcall(read_function(), 1, keys.base, 1, 0)
        client.set(keys.token, "")
        client.unlink(keys.token)
        client.scan(match=keys.pattern, count=1)


def info_of(client: redis.Redis) -> dict[str, Any]:
    """Return the output of INFO. Raises UserError if the user lacks the right."""
    with plain_errors(client):
        info: dict[str, Any] = client.info()
        return info


def server_of(client: redis.Redis) -> str:
    """Return name and version of the server, such as ``valkey 9.1.0``."""
    with plain_errors(client):
        info: dict[str, Any] = client.info("server")
    name = "valkey" if "valkey_version" in info else "redis"
    return f"{name} {info.get(f'{name}_version', '?')}"


class plain_errors:
    """Context manager that translates Redis errors to UserErrors in plain words."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, redis.exceptions.NoPermissionError):
            raise UserError(
                f"Redis at {self._place()} denies access: {error}",
                "grant this user the permissions listed in docs/operations.md (Security)",
            ) from error
        if isinstance(error, redis.AuthenticationError):
            raise UserError(
                f"Redis at {self._place()} denies access: {error}",
                "check STREAMER_REDIS_USERNAME and STREAMER_REDIS_PASSWORD",
            ) from error
        if isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError):
            raise self._unreachable(error) from error
        if isinstance(error, redis.RedisError):
            message, hint = waited_for(error) or (f"Redis: {error}", "check the server")
            raise UserError(f"{message} ({self._place()})", hint) from error

    def _unreachable(self, error: BaseException) -> UserError:
        place, cause = self._place(), error.__cause__ or error.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UserError(
                f"the certificate of Redis at {place} cannot be trusted: {cause.verify_message}",
                "set STREAMER_REDIS_CA to the signing authority's certificate, and use a host name in "
                "STREAMER_REDIS that the certificate covers",
            )
        # Nothing answers at the name or address. In all other cases a peer speaks another protocol or stopped
        # answering.
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError | socket.gaierror):
            return UserError(f"no Redis at {place}", "start one with `streamer up`, or set STREAMER_REDIS")
        return UserError(
            f"no Redis at {place}: the port is open but does not answer",
            "check STREAMER_REDIS, and whether that port expects redis:// (plain) or rediss:// (TLS)",
        )

    def _place(self) -> str:
        to = self._client.connection_pool.connection_kwargs
        return str(to["path"]) if "path" in to else f"{to.get('host', '?')}:{to.get('port', '?')}"
