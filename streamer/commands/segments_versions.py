"""``segments preview|activate|history|file``: manage versions of the declared segmentations."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import messages
from models.messages.count import Count
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from models.rules.definitions import Definitions
    from streamer.client.activation import Published
    from streamer.client.connections import Connections
    from streamer.replay.preview import Preview

_SHOWN = 12
_PATIENCE_SECONDS = 15.0

File = Annotated[Path | None, typer.Argument(help="Path of the segments file. Default: STREAMER_SEGMENTS.")]
OfVersion = Annotated[
    int | None, typer.Option("--version", help=("Number of an earlier version to use instead of a file."))
]


def register(segments: typer.Typer) -> None:
    segments.command("preview")(preview)
    segments.command("activate")(activate)
    segments.command("history")(history)
    segments.command("file")(file_)


def preview(
    file: File = None,
    version: OfVersion = None,
    customers: Annotated[
        Path | None, typer.Option(help="Write each move and its reasons to this file as JSON Lines.")
    ] = None,
    json: Json = False,
) -> None:
    """Show who would move if a segments file were activated. Changes nothing.

    Moves already due because of time alone count as made.

    Example:  streamer segments preview segments.toml
    """
    with connections() as to:
        text, _, _ = _text(to, file, version)
        found = _preview(to, text, customers)
        answer = found.to_dict()
        if json:
            common.print_json(answer)
        else:
            _print(to, answer)


def activate(
    file: File = None,
    version: OfVersion = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the version is applied to every customer.")] = True,
    json: Json = False,
) -> None:
    """Activate a segments file: reassign every customer, and publish the moves with cause `definition_edit`.

    These moves are never safe for automation. With --version, activates an earlier version again, as a new one.

    Example:  streamer segments activate segments.toml
    """
    from streamer.client.activation import publish, versions

    with connections() as to:
        text, source, goes_back_to = _text(to, file, version)
        known = asyncio.run(versions(to.kafka))
        if known and known[-1].text == text:
            if json:
                common.print_json({"version": known[-1].version, "activated": False})
            else:
                common.console().print(f"version {known[-1].version} is already the same")
            return
        if not yes:
            _print(to, _preview(to, text, None).to_dict())
            common.confirm("make it so?")
        published = asyncio.run(
            publish(
                to.kafka,
                to.lanes,
                text,
                source,
                time.time_ns() // 1_000_000,
                goes_back_to=goes_back_to,
                keys=to.settings.control_keys,
                language=to.settings.language,
            )
        )
        swept = wait and _wait(to, published.version)
    if json:
        common.print_json({"version": published.version, "activated": True, "swept": swept})
        return
    state = "and applied to every customer" if swept else "and workers apply it to customers as they run"
    common.console().print(f"version {published.version} is published, {state}")


def history(json: Json = False) -> None:
    """List all versions of the segments file, what each one changed, and how far the latest has been applied.

    Example:  streamer segments history
    """
    from models.rules.declared import load
    from models.rules.defaults import DEFAULTS
    from schemas.wire_time import iso
    from streamer.client.activation import versions

    with connections() as to:
        known = asyncio.run(versions(to.kafka))
        ledgers = to.view.ledgers()
    answer: list[dict[str, Any]] = [{"version": 1, "source": "built in", "published_at": None, "changed": {}}]
    before = DEFAULTS
    for one in known:
        now = load(one.text, one.version, one.source)
        answer.append(
            {
                "version": one.version,
                "source": one.source,
                "published_at": iso(one.at),
                "changed": differences(before, now),
                **({} if one.goes_back_to is None else {"goes_back_to": one.goes_back_to}),
            }
        )
        before = now
    newest = answer[-1]["version"]
    lanes = [0 if not one.definitions_versions else one.definitions_versions[-1].version for one in ledgers]
    state = {
        "lanes_there": sum(version == newest or (newest == 1 and version == 0) for version in lanes),
        "lanes": len(ledgers),
        "customers_behind": sum(one.behind for one in ledgers),
    }
    if json:
        common.print_json({"versions": answer, "newest": state})
        return
    out = common.console()
    for entry in answer:
        when = "" if entry["published_at"] is None else f", {entry['published_at'][:16].replace('T', ' ')} UTC"
        back = f", as version {entry['goes_back_to']}" if "goes_back_to" in entry else ""
        out.print(f"version {entry['version']}  {entry['source']}{when}{back}", markup=False)
        for name, what in entry["changed"].items():
            out.print(f"    {name}: {what}", markup=False)
    out.print(
        f"version {newest} is in force in {state['lanes_there']} of {Count(state['lanes']):|active lane}; "
        f"{Count(state['customers_behind']):|customer} {Count(state['customers_behind']):~is|are} still to be reassigned"
    )


def file_(version: OfVersion = None) -> None:
    """Print the active segments file, so that you can edit a copy.

    Example:  streamer segments file > segments.toml
    """
    from models.rules.defaults import DEFAULT_TEXT
    from streamer.client.activation import versions

    if version == 1:
        common.print_text(DEFAULT_TEXT)
        return
    with connections() as to:
        known = asyncio.run(versions(to.kafka))
    if version is None:
        common.print_text(known[-1].text if known else DEFAULT_TEXT)
    else:
        common.print_text(_of(known, version).text)


def differences(before: Definitions, now: Definitions) -> dict[str, str]:
    """Return what a version changed, by segmentation: ``begins``, ``ends`` or ``changed``."""
    old = {one.name: one for one in before.segmentations}
    new = {one.name: one for one in now.segmentations}
    answer = dict.fromkeys(new.keys() - old.keys(), "begins") | dict.fromkeys(old.keys() - new.keys(), "ends")
    answer |= {name: "changed" for name in old.keys() & new.keys() if old[name] != new[name]}
    answer |= dict.fromkeys(set(now.clusters) - set(before.clusters), "begins")
    answer |= dict.fromkeys(set(before.clusters) - set(now.clusters), "ends")
    return dict(sorted(answer.items()))


def _text(to: Connections, file: Path | None, version: int | None) -> tuple[str, str, int | None]:
    """Return the selected text after checking it, its name, and the version it restores."""
    from models.rules.defaults import DEFAULT_TEXT
    from streamer.client.activation import versions

    if version is not None:
        if file is not None:
            raise UserError("a file and --version exclude each other", "pass only one of them")
        if version == 1:
            return DEFAULT_TEXT, "built in", 1
        one = _of(asyncio.run(versions(to.kafka)), version)
        return one.text, one.source, version
    path = file or to.settings.segments
    if path is None:
        raise UserError(
            "no segments file",
            ("pass a path or set STREAMER_SEGMENTS; to print the active file, run `streamer segments file`"),
        )
    return (*read_file(path), None)


def read_file(path: Path) -> tuple[str, str]:
    """Return the text and name of a file of segmentations after checking it. Raises UserError."""
    from models.rules.declared import load

    try:
        text = common.existing_file(str(path)).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8", "save it as UTF-8") from None
    load(text, 2, str(path))
    return text, path.name


def _of(known: list[Published], version: int) -> Published:
    found = next((one for one in known if one.version == version), None)
    if found is None:
        there = ", ".join(str(one) for one in [1, *(one.version for one in known)])
        raise UserError(f"no such version: {version}", f"versions: {there}")
    return found


def _preview(to: Connections, text: str, customers: Path | None) -> Preview:
    from streamer.commands.files import lines_to
    from streamer.queries.previews import preview

    now_ms = time.time_ns() // 1_000_000
    with common.progress("looking at everybody") as on_progress, lines_to(customers) as write:
        return preview(
            to.view,
            to.settings.policy(to.lanes),
            text,
            now_ms,
            None if write is None else lambda change: write(_line(change)),
            lambda count: on_progress(f"{Count(count):|customer}"),
        )


def _line(change: Any) -> bytes:
    import msgspec

    return msgspec.json.encode(
        {
            "customer_id": change.customer_id,
            "segmentation": change.segmentation,
            "from": change.before,
            "to": change.after,
            "reasons": change.reasons,
        }
    )


def _wait(to: Connections, version: int) -> bool:
    """Wait until every customer is at a version. Return False if there is no progress for a while."""
    with common.progress("bringing customers to it") as on_progress:
        last, since = None, time.monotonic()
        while True:
            ledgers = to.view.ledgers()
            there = [
                one for one in ledgers if one.definitions_versions and one.definitions_versions[-1].version >= version
            ]
            behind = sum(one.behind for one in there)
            if len(there) == to.lanes and behind == 0:
                return True
            if (state := (len(there), behind)) != last:
                last, since = state, time.monotonic()
                on_progress(f"{len(there)} of {Count(to.lanes):|lane}, {Count(behind):|customer} to go")
            elif time.monotonic() - since > _PATIENCE_SECONDS:
                common.note("no progress; check that a worker is running, since workers apply the version")
                return False
            time.sleep(0.2)


def _print(to: Connections, answer: dict[str, Any]) -> None:
    from rich.table import Table

    texts, out = messages(to.settings.language), common.console()
    out.print(f"as version {answer['version']}, of {Count(answer['customers']):|customer}:")

    def named(name: str, segment: str | None) -> str:
        return "-" if segment is None else texts.of_id(name, segment)

    for name, one in answer["segmentations"].items():
        out.print(f"{texts.segmentation(name)}: {one['moved']:,} move", style="bold", markup=False)
        for move in one["moves"][:_SHOWN]:
            some = ", ".join(move["examples"])
            out.print(
                f"  {named(name, move['from'])} -> {named(name, move['to'])}: {move['customers']:,}  ({some})",
                markup=False,
            )
        if len(one["moves"]) > _SHOWN:
            out.print(f"  and {Count(len(one['moves']) - _SHOWN):|more kind|more kinds} of move")
        if not one["moved"]:
            continue
        table = Table(box=None, padding=(0, 2))
        for column, justify in (
            ("", "left"),
            ("now", "right"),
            ("then", "right"),
            ("stay", "right"),
            ("overlap", "right"),
        ):
            table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for segment, size in one["segments"].items():
            share = f"{size['overlap']:.0%}"
            table.add_row(named(name, segment), f"{size['now']:,}", f"{size['then']:,}", f"{size['stay']:,}", share)
        out.print(table)
