"""``models``: show versions of the behaviour clusters and the model owner's proposals, and decide on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from models.messages import Messages, messages
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

ProposalId = Annotated[
    str, typer.Argument(metavar="PROPOSAL", help="Proposal id, as listed by `streamer models list`.")
]


def register(app: typer.Typer) -> None:
    models = common.group(
        "models", "Manage versions of the behaviour clusters, and proposals for new ones.", "streamer models list"
    )
    models.command("list")(list_)
    models.command("show")(show)
    models.command("approve")(approve)
    models.command("reject")(reject)
    app.add_typer(models)


def list_(json: Json = False) -> None:
    """List all versions of the behaviour clusters, newest last, and all proposals with their status.

    Example:  streamer models list
    """
    from streamer.queries.models import overview, read_published

    found = common.settings()
    with connections(found) as to:
        answer = overview(read_published(to))
    if json:
        common.print_json(answer)
        return
    out, texts = common.console(), messages(found.language)
    if not answer["versions"]:
        from models.rules.cards import why_no_clusters

        out.print(why_no_clusters(texts), markup=False)
    for one in answer["versions"]:
        out.print(texts("model line", **{**one, "changed": _changed(one["transitions"], texts)}), markup=False)
    for one in answer["proposals"]:
        out.print(_proposal_line(one, texts), markup=False)
        if one["status"] == "waiting":
            out.print(texts("proposal answers", id=one["id"]), markup=False)


def show(
    id: Annotated[str, typer.Argument(metavar="VERSION", help="Version number or proposal id, for example 12 or p3.")],
    json: Json = False,
) -> None:
    """Show a version or proposal: its segments, and what became of the previous version's segments.

    For a proposal, also shows which customers it would move, computed on the panel with the same code that moves
    customers.

    Example:  streamer models show p3
    """
    from streamer.queries.models import detail, read_published

    found = common.settings()
    texts = messages(found.language)
    with connections(found) as to:
        answer = detail(read_published(to), id, texts)
    if json:
        common.print_json(answer)
    else:
        _print(answer, texts)


def approve(id: ProposalId, json: Json = False) -> None:
    """Approve a proposal. The model owner rebuilds it from today's panel and publishes it as the next version.

    The resulting moves have cause `refit` and are not safe for automation.

    Example:  streamer models approve p3
    """
    _answer(id, "approve", json)


def reject(id: ProposalId, json: Json = False) -> None:
    """Reject a proposal. It is not proposed again for 90 days.

    Example:  streamer models reject p3
    """
    _answer(id, "reject", json)


def _answer(id: str, action: Literal["approve", "reject"], json: bool) -> None:
    from streamer.queries.models import decide, proposal_of

    found = common.settings()
    texts = messages(found.language)
    with connections(found) as to:
        stand, acted = decide(to, id, action, texts)
    answer = proposal_of(stand)
    if json:
        common.print_json(answer)
    elif not acted:
        common.note(texts("not answered yet"))
    else:
        common.console().print(_proposal_line(answer, texts), markup=False)


# -- output ---------------------------------------------------------------------------------------------------


def _changed(transitions: list[dict[str, Any]], texts: Messages) -> str:
    """Return all transitions except survival, abbreviated."""
    answer = []
    for one in transitions:
        if one["kind"] != "survive":
            sides = " -> ".join(", ".join(side) for side in (one["from"], one["to"]) if side)
            kind = one["kind"]
            answer.append(f"{texts(f'transition {kind}')} {sides}")
    return "; ".join(answer) or texts("same segments")


def _proposal_line(one: dict[str, Any], texts: Messages) -> str:
    why = texts(f"why {one['why']}")
    if one["alarms"]:
        why += f" ({', '.join(one['alarms'])})"
    status = texts(f"status {one['status']}")
    if one["version"] is not None:
        status += texts("as version", version=one["version"])
    return texts("proposal line", **{**one, "why": why, "status": status})


def _print(answer: dict[str, Any], texts: Messages) -> None:
    from rich.table import Table

    out, names = common.console(), answer["names"]

    def named(ids: list[str]) -> str:
        return ", ".join(names.get(id, id) for id in ids)

    if "id" in answer:
        out.print(_proposal_line(answer, texts), markup=False)
    else:
        line = {**answer, "changed": _changed(answer["transitions"], texts)}
        out.print(texts("model line", **line), markup=False)
    table = Table(box=None, padding=(0, 2), show_header=True)
    for column in ("segment", "name", "share", "before"):
        table.add_column(texts(f"column {column}"), justify="right" if column in ("share", "before") else "left")
    for segment in answer["segments"]:
        before = "-" if segment["share_before"] is None else f"{segment['share_before']:.1%}"
        table.add_row(segment["id"], segment["name"], f"{segment['share']:.1%}", before)
    out.print(table)
    for one in answer["transitions"]:
        out.print(
            texts(f"fate {one['kind']}", before=named(one["from"]), after=named(one["to"]), overlap=one["overlap"]),
            markup=False,
        )
    for flow in answer.get("flows", ()):
        out.print(
            texts("would move", before=named([flow["from"]]), after=named([flow["to"]]), customers=flow["customers"]),
            markup=False,
        )
    if answer.get("status") == "waiting":
        out.print(texts("proposal answers", id=answer["id"]), markup=False)
