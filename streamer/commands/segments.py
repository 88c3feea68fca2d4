"""``segments list``: list all segments with their meanings and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from models.messages import Messages, messages
from streamer.client.connections import connections
from streamer.commands import common, segment_members, segments_suggest, segments_versions
from streamer.commands.common import Json
from streamer.commands.segment_cards import show
from streamer.commands.segment_names import rename

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    segments = common.group("segments", "List, preview and change segments.", "streamer segments list")

    @segments.callback()
    def only_groups() -> None:
        """List, preview and change segments."""

    segments.command("list")(list_)
    segments_versions.register(segments)
    segments_suggest.register(segments)
    segment_members.register(segments)
    segments.command("show")(show)
    segments.command("rename")(rename)
    app.add_typer(segments)


def list_(json: Json = False) -> None:
    """List all segmentations and their segments, with meanings and sizes.

    Example:  streamer segments list
    """
    from streamer.adapters.redis_reader import totals
    from streamer.queries.segments import table

    found = common.settings()
    with connections(found) as to:
        model = to.view.model()
        sizes = totals(to.view.ledgers()).segments
        answer = table(to.definitions, model, sizes, messages(found.language))
    if json:
        common.print_json(answer)
    else:
        _print(answer, messages(found.language))


def _print(answer: dict[str, Any], texts: Messages) -> None:
    from rich.table import Table

    out = common.console()
    for name, one in answer.items():
        version = "" if one["version"] is None else texts("version", version=one["version"])
        out.print(f"{texts.segmentation(name)} ({texts.kind(one['kind'])}{version})", style="bold", markup=False)
        if "note" in one:
            out.print(f"  {one['note']}", markup=False)
            continue
        table = Table(box=None, padding=(0, 2), show_header=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")  # Chinese has no spaces to break at
        for segment in one["segments"]:
            table.add_row(segment["id"], f"{segment['size']:,}", segment["name"], segment["meaning"])
        out.print(table)
