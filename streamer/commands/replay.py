"""``replay``: make the same decisions on a file, inside this process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.messages import messages
from models.messages.count import Count
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.files import (
    ChangesFile,
    Format,
    Mapped,
    MembershipsFile,
    RejectsFile,
    ReportFile,
    lines_to,
    print_rejects,
    settings_for,
    source_of,
)
from streamer.commands.recognise import recognised
from streamer.queries.instants import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamer.core.decision import Change
    from streamer.core.policy import Policy
    from streamer.core.state import LaneState
    from streamer.queries.report import Log
    from streamer.replay.replay import Replay

    OnChanges = Callable[[Sequence[Change], LaneState], None]


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="Path of the events file.")],
    format: Format = None,
    until: Annotated[
        str | None,
        typer.Option(
            help=("Advance time to this date (YYYY-MM-DD) after the last event. Default: stop at the last event.")
        ),
    ] = None,
    preset: Annotated[
        Literal["responsive", "conservative"] | None,
        typer.Option(help="Preset for how readily customers move between behaviour clusters."),
    ] = None,
    mapping: Mapped = None,
    rejects: RejectsFile = None,
    definitions: Annotated[
        Path | None, typer.Option(help="Path of a segments file to use instead of the built-in one.")
    ] = None,
    changes: ChangesFile = None,
    memberships: MembershipsFile = None,
    html: ReportFile = None,
    json: Json = False,
) -> None:
    """Replay an events file without Kafka or Redis, and report segments and moves.

    Decisions are the same as in the service. Clusters are learned along the way, on the dates in the data, so the same
    file always gives the same changes. Nothing is stored.

    Example:  streamer replay online_retail.csv.gz --format online-retail --until 2012-06-01
    """
    from dataclasses import replace

    from models.rules.declared import load
    from streamer.adapters.redis_reader import totals
    from streamer.commands.report import write_page
    from streamer.commands.segments_versions import read_file
    from streamer.imports.result import result_of, show
    from streamer.queries.report import Log, of_replay
    from streamer.replay.replay import Replay

    kind, mapped, _ = recognised(file, format, mapping)
    found = settings_for(kind, {"preset": preset})
    # Old data is judged only by its own time, whatever the current time is.
    policy = replace(found.policy(lanes=1), label_backfill=False, wall=False)
    if definitions is not None:
        policy = replace(policy, definitions=load(read_file(definitions)[0], 1))
    end = None if until is None else instant(until, policy.grid, "--until")
    log = Log(policy.grid)
    begun, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    with (
        lines_to(changes) as write_change,
        lines_to(memberships) as write_members,
        common.progress("reading") as on_progress,
    ):
        source = source_of(file, kind, found, mapped, rejects, on_progress)
        run = Replay(
            policy,
            found.learner_config(),
            now_ms,
            on_changes=_both(
                None if write_change is None else _written(write_change, policy, now_ms),
                None if html is None else _logged(log),
            ),
            on_day=_day_reporter(on_progress),
        )
        run.run(source, end)
        if write_members is not None:
            _write_memberships(run, write_members)
    print_rejects(source, messages(found.language))
    result = result_of(totals([]), totals([run.state.ledger]), source, time.monotonic() - begun)
    if end is not None and end < run.clock:
        common.note(f"--until {until} is before the last event; time stays at that event")
    if html is not None:
        answer = of_replay(run, log, found.currency, messages(found.language))
        write_page(answer, html, f"streamer replay {file.name} --html {html.name}")
    if json:
        common.print_json(result.to_dict())
    else:
        show(result, found.currency, common.console(), messages(found.language))
    if not result.applied and result.rows:
        common.note("nothing in this file was applied; the counts above show why")
        raise typer.Exit(1)


def _both(one: OnChanges | None, other: OnChanges | None) -> OnChanges | None:
    """Combine two listeners into one. Return None if there are none."""
    if one is None or other is None:
        return one or other

    def on_changes(changes: Sequence[Change], state: LaneState) -> None:
        one(changes, state)
        other(changes, state)

    return on_changes


def _logged(log: Log) -> OnChanges:
    from streamer.queries.report import moved

    def on_changes(changes: Sequence[Change], state: LaneState) -> None:
        for move in moved(changes):
            log.add(move)

    return on_changes


def _written(write: Callable[[bytes], None], policy: Policy, now_ms: int) -> OnChanges:
    from schemas.changes import encode_change
    from streamer.lanes.encode import wire_changes

    def on_changes(changes: Sequence[Change], state: LaneState) -> None:
        for change in wire_changes(changes, state, policy):
            write(encode_change(change, now_ms))

    return on_changes


def _write_memberships(run: Replay, write: Callable[[bytes], None]) -> None:
    import msgspec

    customers = (one for one in run.state.cache.customers.values() if not one.is_alias)
    for customer in sorted(customers, key=lambda one: one.id.encode()):
        segments = {name: held.segment for name, held in customer.segments.items()}
        write(msgspec.json.encode({"customer_id": customer.id, "segments": segments}))


def _day_reporter(on_progress: Callable[[str], None]) -> Callable[[int, int], None]:
    """Return a function that reports the replay's progress once a second."""
    from schemas.wire_time import iso

    printed_at = time.monotonic()

    def on_day(records: int, clock: int) -> None:
        nonlocal printed_at
        if time.monotonic() - printed_at >= 1.0:
            printed_at = time.monotonic()
            on_progress(f"{iso(clock)[:10]}: {Count(records):|record}")

    return on_day
