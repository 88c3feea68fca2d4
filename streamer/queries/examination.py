"""Run all checks of ``doctor``, ordered so that later ones can rely on earlier ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from models.messages.translatable import translatable
from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.adapters.admin import cluster_info
from streamer.adapters.client import read
from streamer.adapters.redis_reader import connect, info_of, server_of
from streamer.adapters.topics import check_topics
from streamer.client.connections import Connections, connections
from streamer.config.settings import Settings
from streamer.queries import findings
from streamer.queries.findings import Finding
from streamer.queries.packages import packages
from streamer.queries.service import service
from streamer.replay.placement import placement

_SAMPLE: Final = 500
"""Number of offsets to sample at the end of each partition."""


def examine(found: Settings) -> Iterator[Finding]:
    """Yield all findings, ordered so that later checks can rely on earlier ones."""
    yield from packages()
    try:
        with connections(found) as to:
            broker = _checked("Kafka", lambda: _kafka(to))
            yield broker
            redis, info = _redis(to)
            yield redis
            if info:
                yield from findings.view(info)
            if broker.hint is None:
                topics_found = list(_topics(to))
                yield from topics_found
                if all(one.hint is None for one in topics_found):
                    yield _checked("clock", lambda: findings.clocks(to))
                    yield from findings.alerts(to)
                yield from _producers(to)
            if broker.hint is None and redis.hint is None:
                yield from _records(to)
    except (UserError, TransientError) as error:
        yield findings.trouble("servers", error)


def _checked(subject: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except (UserError, TransientError) as error:
        return findings.trouble(subject, error)


def _kafka(to: Connections) -> Finding:

    info = cluster_info(to.bootstrap, security=to.security)
    what = translatable("finding broker", version=info.version, brokers=", ".join(info.brokers))
    return Finding("Kafka", _server(to.bootstrap, to.embedded_kafka, what))


def _server(place: str, own: str | None, what: str) -> str:
    kind = translatable("finding embedded") if own else ""
    return translatable("finding server", place=place, embedded=kind, what=what)


def _redis(to: Connections) -> tuple[Finding, dict[str, Any]]:
    """Return a finding on whether Redis answers, and the output of its INFO, empty without an answer."""

    try:
        client = connect(to.redis_url, to.redis_options)
        try:
            return Finding("Redis", _server(to.view_place, to.embedded_redis, server_of(client))), info_of(client)
        finally:
            client.close()
    except (UserError, TransientError) as error:
        return findings.trouble("Redis", error), {}


def _topics(to: Connections) -> Iterator[Finding]:

    try:
        wrong = check_topics(to.bootstrap, prefix=to.kafka.prefix, lanes=to.wanted_lanes, security=to.security)
    except (UserError, TransientError) as error:
        yield findings.trouble("topics", error)
        return
    if len(wrong) >= len(topics.TOPICS) and all(finding.setting is None for finding in wrong):
        yield Finding("topics", translatable("finding no topics"), translatable("finding no topics fix"))
        return
    for finding in wrong:
        yield Finding("topics", finding.problem, finding.hint)
    if not wrong:
        yield Finding("topics", translatable("finding topics", lanes=to.lanes))


def _producers(to: Connections) -> Iterator[Finding]:
    """Check whether producers set keys and write to the partitions of their keys."""

    try:
        found = placement(read(to.kafka, topics.EVENTS, latest=_SAMPLE), to.lanes)
    except (UserError, TransientError):
        # Other findings report what is wrong with the topic.
        return
    if not found.records:
        return
    records = found.records
    if found.keyless:
        text = translatable("finding keyless", count=found.keyless, records=records)
        yield Finding("producers", text, translatable("finding keyless fix"))
    if found.misplaced:
        where: str = ""
        fix: str = translatable("finding murmur2")
        if (likely := found.partitioner) is not None:
            where = translatable(
                "finding placed by", count=found.explained, partitioner=likely.name, clients=likely.clients
            )
            fix = likely.hint
        text = translatable("finding misplaced", count=found.misplaced, records=records, where=where)
        yield Finding("producers", text, translatable("finding misplaced fix", fix=fix))
    if not (found.keyless or found.misplaced):
        yield Finding("producers", translatable("finding producers", records=records))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _records(to: Connections) -> Iterator[Finding]:

    try:
        state = service(to)
        if not state["topics"]:
            yield Finding("records", translatable("finding no records"))
            return
        yield findings.work(to, state)
        yield from findings.beside(state)
        yield findings.signatures(to.settings.control_keys is not None, state["signed_from"], _now_ms())
        yield from findings.stopped(state)
        yield from findings.refused(state)
        yield from findings.events(state)
        yield from findings.of_guests(state)
    except (UserError, TransientError) as error:
        yield findings.trouble("records", error)
