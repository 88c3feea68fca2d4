"""``segments list``: what segments there are, what they mean, and how many customers are in each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.behaviour.model import ClusterModel
    from models.definitions import Definitions


def register(app: typer.Typer) -> None:
    segments = common.group("segments", "The segments.")

    @segments.callback()
    def only_groups() -> None:
        """The segments."""

    segments.command("list")(list_)
    app.add_typer(segments)


def list_(json: Json = False) -> None:
    """All segmentations with their segments, meanings and sizes."""
    from streamer.adapters.redis_reader import totals

    found = common.settings()
    with common.connections(found) as to:
        model = to.view.model()
        sizes = totals(to.view.ledgers()).segments
        told = table(found.policy(to.lanes).definitions, model, sizes)
    if json:
        common.print_json(told)
    else:
        _print(told)


def table(
    definitions: Definitions, model: ClusterModel | None, sizes: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """Segmentations by name, each with its kind and version, and its segments in order; JSON-safe.

    A cluster that the newest version no longer has is listed as long as customers are in it.
    """
    from models.behaviour.layout import NEW_ID
    from models.behaviour.model import SEGMENTATION

    told: dict[str, Any] = {}
    for one in definitions.segmentations:
        held = sizes.get(one.name, {})
        told[one.name] = {
            "kind": one.kind,
            "version": definitions.version,
            "segments": [
                {"id": segment.id, "name": segment.name, "meaning": segment.meaning, "size": held.get(segment.id, 0)}
                for segment in one.segments
            ],
        }
    if model is None:
        told[SEGMENTATION] = {"kind": "clusters", "version": None, "segments": [], "note": why_no_clusters()}
        return told
    held = dict(sizes.get(SEGMENTATION, {}))
    segments = [(segment.segment_id, segment.name, _meaning(segment.typical)) for segment in model.segments]
    segments.append((NEW_ID, "New", "too little is known yet to say whom the customer is like"))
    known = {id for id, _, _ in segments}
    segments += [
        (id, id, "of an earlier version; its customers move on as they are judged") for id in held if id not in known
    ]
    told[SEGMENTATION] = {
        "kind": "clusters",
        "version": model.version,
        "segments": [
            {"id": id, "name": name, "meaning": meaning, "size": held.get(id, 0)} for id, name, meaning in segments
        ],
    }
    return told


def why_no_clusters() -> str:
    """What must be there before the first version of the behaviour clusters."""
    from models.behaviour.learner import LearnerConfig

    needs = LearnerConfig()
    return (
        f"no version yet: the model owner (`streamer worker --role owner`) learns the first one once the shop has "
        f"{needs.min_buyers} buyers and {needs.frame_days[0]} days of events"
    )


def _meaning(typical: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in typical.items())


def _print(told: dict[str, Any]) -> None:
    from rich.table import Table

    out = common.console()
    for name, one in told.items():
        version = "" if one["version"] is None else f", version {one['version']}"
        out.print(f"{name} ({one['kind']}{version})", style="bold", markup=False)
        if "note" in one:
            out.print(f"  {one['note']}", markup=False)
            continue
        table = Table(box=None, padding=(0, 2), show_header=False)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column()
        for segment in one["segments"]:
            table.add_row(segment["id"], f"{segment['size']:,}", segment["name"], segment["meaning"])
        out.print(table)
