"""Administer Kafka: connect, describe the cluster and groups, look up offsets of logs and groups.

Uses kafka-python, which blocks, so this is for the command line, ``doctor`` and start-up, never for a lane.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from schemas.errors import TransientError, UserError
from streamer.adapters.preflight import CONNECT_SECONDS, check_reachable, no_kafka

ANSWER_SECONDS = 20.0

Security = Mapping[str, Any]
"""Client options of kafka-python for SASL and TLS: ``security_protocol``, ``sasl_mechanism`` ..."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """Information that a client can obtain about a cluster.

    ``version`` is the release line that the broker's protocol implies, such as ``4.1``; brokers do not report their
    patch release.
    """

    cluster_id: str
    version: str
    brokers: tuple[str, ...]
    """Addresses as ``host:port``."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """A group's position in one partition. Offsets are those of the next record."""

    topic: str
    partition: int
    start: int
    end: int
    committed: int | None

    @property
    def lag(self) -> int:
        """Records still to be read, including transaction markers; the whole log if nothing was committed.

        >>> PartitionLag("t", 0, start=10, end=30, committed=25).lag
        5
        >>> PartitionLag("t", 0, start=10, end=30, committed=None).lag
        20
        """
        return max(0, self.end - max(self.start, self.committed or 0))


@contextmanager
def connect(bootstrap: str, security: Security | None = None) -> Generator[Any]:
    """Open a ``KafkaAdminClient`` for the ``with`` block.

    Raises
    ------
    UserError
        No Kafka at the address accepts us within 5 s.
    TransientError
        Kafka stopped answering inside the block.
    """
    check_reachable(bootstrap, security)
    from kafka import KafkaAdminClient
    from kafka.errors import AuthorizationError, KafkaError
    from kafka.net.compat import KafkaNetClient

    # The client logs every refused connection as an error; we report the relevant ones ourselves.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    made: list[Any] = []

    def client(**options: Any) -> Any:
        made.append(KafkaNetClient(**options))
        return made[-1]

    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            request_timeout_ms=int(ANSWER_SECONDS * 1000),
            client_id="streamer-admin",
            kafka_client=client,
            **(security or {}),
        )
    except KafkaError as error:
        _abandon(made)
        raise no_kafka(bootstrap, "it answers, but the others of its cluster do not") from error
    try:
        yield admin
    except AuthorizationError as error:
        raise UserError(
            f"Kafka at {bootstrap} denies permission: {error}",
            "grant the user the permissions listed in docs/operations.md (Security)",
        ) from error
    except KafkaError as error:
        raise TransientError(f"Kafka at {bootstrap}: {error}") from error
    finally:
        admin.close()


def patiently(attempt: Callable[[], T], seconds: float = ANSWER_SECONDS) -> T:
    """Retry while Kafka returns a retriable error, as it does while creating its own topics."""
    from kafka.errors import RetriableError

    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def cluster_info(bootstrap: str, *, security: Security | None = None) -> ClusterInfo:
    """Return cluster id, release line and brokers."""
    with connect(bootstrap, security) as admin:
        cluster = admin.describe_cluster()
        brokers = sorted(f"{broker['host']}:{broker['port']}" for broker in cluster["brokers"])
        version = admin.get_broker_version_data(cluster["brokers"][0]["broker_id"]).broker_version
        return ClusterInfo(cluster["cluster_id"], ".".join(map(str, version)), tuple(brokers))


def end_offsets(
    bootstrap: str, topics: Iterable[str], *, security: Security | None = None
) -> dict[tuple[str, int], int]:
    """Return the next offset of each partition, by full topic name and partition. Missing topics are omitted."""
    with connect(bootstrap, security) as admin:
        return offsets(admin, topics, latest=True)


def group_lag(
    bootstrap: str, group: str, topics: Iterable[str], *, security: Security | None = None
) -> list[PartitionLag]:
    """Return the position of ``group`` in ``topics`` (full names), in order. Missing topics are omitted."""
    names = list(topics)
    with connect(bootstrap, security) as admin:
        # Read committed offsets first, because an end read earlier could be below them.
        committed = {
            (key.topic, key.partition): value.offset
            for key, value in patiently(lambda: admin.list_group_offsets(group))[group].items()
            if value.offset >= 0
        }
        starts = offsets(admin, names, latest=False)
        ends = offsets(admin, names, latest=True)
    return [PartitionLag(*key, starts[key], ends[key], committed.get(key)) for key in sorted(ends)]


def offsets(admin: Any, topics: Iterable[str], *, latest: bool) -> dict[tuple[str, int], int]:
    """Return the first or next offsets of all partitions of the existing topics, from their leaders."""
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    found = [topic for topic in admin.describe_topics(list(topics)) if not topic["error_code"]]
    spec = OffsetSpec.LATEST if latest else OffsetSpec.EARLIEST
    wanted = {
        TopicPartition(topic["name"], part["partition_index"]): spec for topic in found for part in topic["partitions"]
    }
    if not wanted:
        return {}
    answer = patiently(lambda: admin.list_partition_offsets(wanted))
    return {(key.topic, key.partition): value.offset for key, value in answer.items()}


@dataclass(frozen=True, slots=True)
class Hidden:
    """Records of a partition behind an open transaction.

    Attributes
    ----------
    producer
        Owner of the open transaction, in words: transactional id or producer id; empty if the broker does not report it.
    """

    records: int
    producer: str = ""


def hidden_by_transactions(bootstrap: str, topic: str, *, security: Security | None = None) -> dict[int, Hidden]:
    """Return, by partition, records of a topic (full name) that open transactions keep unreadable."""
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec
    from kafka.protocol.consumer import IsolationLevel

    with connect(bootstrap, security) as admin:
        ends = offsets(admin, [topic], latest=True)
        wanted = {TopicPartition(*key): OffsetSpec.LATEST for key in ends}
        if not wanted:
            return {}
        # Read this second: a transaction that ended in between no longer hides records.
        answer = patiently(lambda: admin.list_partition_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED))
        behind = {key: ends[key.topic, key.partition] - value.offset for key, value in answer.items()}
        behind = {key: count for key, count in behind.items() if count > 0}
        producers = _open_transactions(admin, behind) if behind else {}
    return {key.partition: Hidden(count, producers.get(key, "")) for key, count in behind.items()}


def _open_transactions(admin: Any, partitions: Iterable[Any]) -> dict[Any, str]:
    """Return the owner of each partition's first open transaction, in words; empty without the right to describe them."""
    from kafka.errors import KafkaError

    first: dict[Any, int] = {}
    try:
        for key, state in admin.describe_producers(partitions).items():
            begun = {one.current_transaction_start_offset: one.producer_id for one in state.active_producers}
            begun.pop(-1, None)
            if begun:
                first[key] = begun[min(begun)]
        listed = admin.list_transactions(producer_id_filters=sorted({*first.values()})) if first else {}
    except KafkaError:
        # An old broker, or no right to describe. The hidden records are still reported.
        return {}
    names = {one.producer_id: one.transactional_id for found in listed.values() for one in found}
    return {key: f"transactional id {names[id]}" if id in names else f"producer id {id}" for key, id in first.items()}


def _abandon(made: list[Any]) -> None:
    """Stop the thread of a client whose constructor failed, because the library leaves it running."""
    for client in made:
        with suppress(Exception):
            client.close()
        with suppress(Exception):
            client._manager._net.stop()
