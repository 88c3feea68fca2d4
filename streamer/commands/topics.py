"""``topics create`` and ``topics check``: create the topics, and check their settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from models.messages.count import Count
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json


def register(app: typer.Typer) -> None:
    topics = common.group("topics", "Create topics, and check their settings.", "streamer topics check")
    topics.command("create")(create)
    topics.command("check")(check)
    app.add_typer(topics)


def create(
    lanes: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help=("Number of partitions of the input topic. Default: STREAMER_LANES.")),
    ] = None,
    replication: Annotated[int, typer.Option(min=1, help="Replication factor of each topic.")] = 1,
    json: Json = False,
) -> None:
    """Create missing topics. Existing topics are not changed.

    Example:  streamer topics create --lanes 8 --replication 3
    """
    from streamer.adapters.topics import create_topics, lane_count

    with connections(common.settings({"lanes": lanes})) as to:
        prefix = to.kafka.prefix
        wanted = to.wanted_lanes or lane_count(to.bootstrap, prefix, security=to.security) or to.settings.lanes
        made = create_topics(to.bootstrap, prefix=prefix, lanes=wanted, replication=replication, security=to.security)
    if json:
        common.print_json({"created": made, "lanes": wanted})
        return
    out = common.console()
    for name in made:
        out.print(f"made {name}", markup=False)
    if not made:
        out.print(f"all topics are there, with {Count(wanted):|lane}; `streamer topics check` looks at their settings")


def check(
    fix: Annotated[bool, typer.Option("--fix", help="Fix topic settings where possible.")] = False,
    mend: Annotated[bool, typer.Option("--mend", hidden=True, help="Deprecated name of --fix.")] = False,
    json: Json = False,
) -> None:
    """Check the topics, and explain how to fix what is wrong. Exits with code 1 if something is wrong.

    Example:  streamer topics check --fix
    """
    from streamer.adapters.topics import check_topics, fix_topics

    with connections() as to:
        prefix, lanes, security = to.kafka.prefix, to.wanted_lanes, to.security
        findings = check_topics(to.bootstrap, prefix=prefix, lanes=lanes, security=security)
        wanted = fix or mend
        fixed = fix_topics(to.bootstrap, prefix=prefix, findings=findings, security=security) if wanted else []
        if fixed:
            findings = check_topics(to.bootstrap, prefix=prefix, lanes=lanes, security=security)
    if json:
        common.print_json({"fixed": fixed, "mended": fixed, "findings": [asdict(finding) for finding in findings]})
    else:
        out = common.console()
        for name in fixed:
            out.print(f"fixed {name}", markup=False)
        for finding in findings:
            out.print(f"{'wrong' if finding.vital else 'costly'}: {finding.problem}", markup=False)
            out.print(f"    {finding.hint}", markup=False)
        if not findings:
            out.print("all topics are set up correctly")
    if findings:
        raise typer.Exit(common.EXIT_ERROR)
