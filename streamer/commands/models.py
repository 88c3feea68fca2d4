"""``models``: versions of the behaviour clusters, what the model owner proposes, and the answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import Messages, messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.owner.model_reader import Stand


ProposalId = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Such as p3; `streamer models list` shows them.")]


def register(app: typer.Typer) -> None:
    models = common.group("models", "Versions of the behaviour clusters, and proposals of the model owner.")
    models.command("list")(list_)
    models.command("show")(show)
    models.command("approve")(approve)
    models.command("reject")(reject)
    app.add_typer(models)


def list_(json: Json = False) -> None:
    """All versions, newest last, and all proposals with how they stand."""
    from streamer.queries.models import overview, read_published

    found = common.settings()
    with connections(found) as to:
        told = overview(read_published(to))
    if json:
        common.print_json(told)
        return
    out, say = common.console(), messages(found.language)
    if not told["versions"]:
        from models.rules.cards import why_no_clusters

        out.print(why_no_clusters(say), markup=False)
    for one in told["versions"]:
        out.print(say("model line", **{**one, "changed": _changed(one["transitions"], say)}), markup=False)
    for one in told["proposals"]:
        out.print(_proposal_line(one, say), markup=False)
        if one["status"] == "waiting":
            out.print(say("proposal answers", id=one["id"]), markup=False)


def show(
    id: Annotated[str, typer.Argument(metavar="VERSION", help="A version such as 12, or a proposal such as p3.")],
    json: Json = False,
) -> None:
    """One version or proposal: its segments, and what became of those of the version before.

    For a proposal also what it would move: tried out on the panel, with the very step that customers are moved by.

    Example:  streamer models show p3
    """
    from streamer.queries.models import detail, read_published

    found = common.settings()
    say = messages(found.language)
    with connections(found) as to:
        told = detail(read_published(to), id, say)
    if json:
        common.print_json(told)
    else:
        _print(told, say)


def approve(id: ProposalId, json: Json = False) -> None:
    """Adopt a proposal: the model owner publishes it as the next version, built on the panel as it is now.

    Customers whom it moves get changes of cause `refit`, which are not safe for automation.

    Example:  streamer models approve p3
    """
    _answer(id, "approve", json)


def reject(id: ProposalId, json: Json = False) -> None:
    """Turn a proposal down. The same is not proposed again for 90 days.

    Example:  streamer models reject p3
    """
    _answer(id, "reject", json)


def _answer(id: str, action: Any, json: bool) -> None:
    from schemas.decisions import ModelDecision
    from streamer.queries.models import proposal_of, read_published, send_decision, stand_of, wait_for

    found = common.settings()
    say = messages(found.language)
    with connections(found) as to:
        stand = stand_of(read_published(to), id)
        number = stand.proposal.number
        if stand.status != "waiting":
            raise settled(stand, say)
        send_decision(to, ModelDecision(action=action, proposal=number))
        after = wait_for(to, lambda now: now.proposals[number].status != "waiting")
    if after is not None:
        stand = after.proposals[number]
        # The owner may have withdrawn it at the same time.
        if stand.status == "withdrawn":
            raise settled(stand, say)
    told = proposal_of(stand)
    if json:
        common.print_json(told)
    elif after is None:
        common.say(say("not answered yet"))
    else:
        common.console().print(_proposal_line(told, say), markup=False)


def settled(stand: Stand, say: Messages) -> UserError:
    """What is said of an answer to a proposal that does not wait."""
    id = f"p{stand.proposal.number}"
    if stand.status == "withdrawn":
        gone = say(f"gone {stand.proposal.why}")
        return UserError(say("proposal withdrawn", id=id, gone=gone), say("see proposals to come"))
    return UserError(say("proposal settled", id=id, status=say(f"status {stand.status}")), say("see models list"))


# -- what is there --------------------------------------------------------------------------------------------


# -- telling it -----------------------------------------------------------------------------------------------


def _changed(transitions: list[dict[str, Any]], say: Messages) -> str:
    """Everything but who survived, in short."""
    told = []
    for one in transitions:
        if one["kind"] != "survive":
            sides = " -> ".join(", ".join(side) for side in (one["from"], one["to"]) if side)
            kind = one["kind"]
            told.append(f"{say(f'transition {kind}')} {sides}")
    return "; ".join(told) or say("same segments")


def _proposal_line(one: dict[str, Any], say: Messages) -> str:
    why = say(f"why {one['why']}")
    if one["alarms"]:
        why += f" ({', '.join(one['alarms'])})"
    status = say(f"status {one['status']}")
    if one["version"] is not None:
        status += say("as version", version=one["version"])
    return say("proposal line", **{**one, "why": why, "status": status})


def _print(told: dict[str, Any], say: Messages) -> None:
    from rich.table import Table

    out, names = common.console(), told["names"]

    def named(ids: list[str]) -> str:
        return ", ".join(names.get(id, id) for id in ids)

    if "id" in told:
        out.print(_proposal_line(told, say), markup=False)
    else:
        line = {**told, "changed": _changed(told["transitions"], say)}
        out.print(say("model line", **line), markup=False)
    table = Table(box=None, padding=(0, 2), show_header=True)
    for column in ("segment", "name", "share", "before"):
        table.add_column(say(f"column {column}"), justify="right" if column in ("share", "before") else "left")
    for segment in told["segments"]:
        before = "-" if segment["share_before"] is None else f"{segment['share_before']:.1%}"
        table.add_row(segment["id"], segment["name"], f"{segment['share']:.1%}", before)
    out.print(table)
    for one in told["transitions"]:
        out.print(
            say(f"told {one['kind']}", before=named(one["from"]), after=named(one["to"]), overlap=one["overlap"]),
            markup=False,
        )
    for flow in told.get("flows", ()):
        out.print(
            say("would move", before=named([flow["from"]]), after=named([flow["to"]]), customers=flow["customers"]),
            markup=False,
        )
    if told.get("status") == "waiting":
        out.print(say("proposal answers", id=told["id"]), markup=False)
