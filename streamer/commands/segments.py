"""``segments list``: what segments there are, what they mean, and how many customers are in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from models.messages import Messages, messages
from streamer.commands import common, segments_suggest, segments_versions
from streamer.commands.common import Json
from streamer.commands.segment_cards import show
from streamer.commands.segment_names import rename

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.behaviour.model import ClusterModel
    from models.rules.definitions import Definitions


def register(app: typer.Typer) -> None:
    segments = common.group("segments", "The segments.")

    @segments.callback()
    def only_groups() -> None:
        """The segments."""

    segments.command("list")(list_)
    segments_versions.register(segments)
    segments_suggest.register(segments)
    segments.command("show")(show)
    segments.command("rename")(rename)
    app.add_typer(segments)


def list_(json: Json = False) -> None:
    """All segmentations with their segments, meanings and sizes."""
    from streamer.adapters.redis_reader import totals

    found = common.settings()
    with common.connections(found) as to:
        model = to.view.model()
        sizes = totals(to.view.ledgers()).segments
        told = table(to.definitions, model, sizes, messages(found.language))
    if json:
        common.print_json(told)
    else:
        _print(told, messages(found.language))


def table(
    definitions: Definitions,
    model: ClusterModel | None,
    sizes: Mapping[str, Mapping[str, int]],
    messages_in: Messages | None = None,
) -> dict[str, Any]:
    """Segmentations by name, each with its kind and version, and its segments in order; JSON-safe.

    A cluster that the newest version no longer has is listed as long as customers are in it.
    """
    from models.behaviour.layout import NEW_ID
    from models.behaviour.model import SEGMENTATION
    from models.rules.cards import cluster_meaning, why_no_clusters

    messages_in = messages_in or messages()
    told: dict[str, Any] = {}
    for one in definitions.segmentations:
        held = sizes.get(one.name, {})
        told[one.name] = {
            "kind": one.kind,
            "version": definitions.version,
            "segments": [
                {
                    "id": segment.id,
                    "name": messages_in.segment(one.name, segment.id, segment.name),
                    "meaning": messages_in.meaning(one.name, segment.id, segment.meaning),
                    "size": held.get(segment.id, 0),
                }
                for segment in one.segments
            ],
        }
    if SEGMENTATION not in definitions.clusters:
        return told
    if model is None:
        told[SEGMENTATION] = {"kind": "clusters", "version": None, "segments": [], "note": why_no_clusters(messages_in)}
        return told
    held = dict(sizes.get(SEGMENTATION, {}))
    segments = [
        (segment.segment_id, messages_in.cluster(segment.name), cluster_meaning(model, segment.segment_id, messages_in))
        for segment in model.segments
    ]
    segments.append((NEW_ID, *messages_in.table.segments[SEGMENTATION, NEW_ID]))
    known = {id for id, _, _ in segments}
    segments += [(id, id, messages_in("earlier version")) for id in held if id not in known]
    told[SEGMENTATION] = {
        "kind": "clusters",
        "version": model.version,
        "segments": [
            {"id": id, "name": name, "meaning": meaning, "size": held.get(id, 0)} for id, name, meaning in segments
        ],
    }
    return told


def _print(told: dict[str, Any], messages_in: Messages) -> None:
    from rich.table import Table

    out = common.console()
    for name, one in told.items():
        version = "" if one["version"] is None else messages_in("version", version=one["version"])
        out.print(
            f"{messages_in.segmentation(name)} ({messages_in.kind(one['kind'])}{version})", style="bold", markup=False
        )
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
