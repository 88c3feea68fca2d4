"""``models``: versions of the behaviour clusters, what the model owner proposes, and the answer to it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import Messages, messages
from schemas import topics
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Connections, Json

if TYPE_CHECKING:
    from models.behaviour.model import ClusterModel
    from schemas.decisions import ModelDecision
    from streamer.owner.model_reader import Published, Stand

_ANSWER_SECONDS = 15.0
_LOOK_SECONDS = 0.5

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
    found = common.settings()
    with common.connections(found) as to:
        told = listed(published(to))
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
    found = common.settings()
    say = messages(found.language)
    with common.connections(found) as to:
        told = shown(published(to), id, say)
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

    found = common.settings()
    say = messages(found.language)
    with common.connections(found) as to:
        stand = _stand(published(to), id)
        number = stand.proposal.number
        if stand.status != "waiting":
            raise settled(stand, say)
        decided(to, ModelDecision(action=action, proposal=number))
        after = until(to, lambda now: now.proposals[number].status != "waiting")
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


def published(to: Connections) -> Published:
    """What the models topic says now."""
    from streamer.adapters.client import read
    from streamer.owner.model_reader import Published

    found = Published()
    found.take(read(to.kafka, topics.MODELS))
    return found


def decided(to: Connections, decision: ModelDecision) -> None:
    """Hand a decision to the model owner, whenever it runs next."""
    from schemas.decisions import decision_key, encode_decision
    from streamer.adapters.client import sender

    value, headers = encode_decision(decision, to.settings.control_key_bytes)
    with sender(to.kafka, topics.PANEL, 1) as send:
        send.send(decision_key(), value, headers, partition=0)


def until(to: Connections, done: Callable[[Published], bool]) -> Published | None:
    """What is published once the owner has acted; None if it takes longer than people wait."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        found = published(to)
        if done(found):
            return found
        time.sleep(_LOOK_SECONDS)
    return None


def _stand(found: Published, id: str) -> Stand:
    match = re.fullmatch(r"p?(\d+)", id)
    stand = found.proposals.get(int(match[1])) if match else None
    if stand is None:
        known = ", ".join(f"p{number}" for number in sorted(found.proposals)) or "none"
        raise UserError(f"there is no proposal {id}", f"`streamer models list` shows which there are; now: {known}")
    return stand


def listed(found: Published) -> dict[str, Any]:
    """Versions and proposals in short, JSON-safe."""
    return {
        "versions": [
            {
                "version": number,
                "published_at": one.published_at,
                "k": one.model.k,
                "frame": one.model.frame.kind,
                "parent": one.model.parent or None,
                "transitions": transitions_of(one.model),
            }
            for number, one in sorted(found.versions.items())
        ],
        "proposals": [proposal_of(one) for _, one in sorted(found.proposals.items())],
    }


def proposal_of(stand: Stand) -> dict[str, Any]:
    """A proposal in short, JSON-safe."""
    proposal = stand.proposal
    return {
        "id": f"p{proposal.number}",
        "status": stand.status,
        "why": proposal.why,
        "alarms": list(proposal.alarms),
        "k": proposal.model.k,
        "frame": proposal.model.frame.kind,
        "parent": proposal.model.parent,
        "moves": round(proposal.trial.share, 4),
        "moved": proposal.trial.moved,
        "tried": proposal.trial.customers,
        "version": stand.version,
        "published_at": stand.published_at,
    }


def shown(found: Published, id: str, say: Messages) -> dict[str, Any]:
    """One version or proposal in full, JSON-safe. UserError if there is no such."""
    if id.isdigit():
        version = found.versions.get(int(id))
        if version is None:
            known = ", ".join(str(number) for number in sorted(found.versions)) or "none"
            raise UserError(f"there is no version {id}", f"give one of: {known}; or a proposal such as p1")
        model = version.model
        told: dict[str, Any] = {"version": model.version, "published_at": version.published_at}
    else:
        stand = _stand(found, id)
        model, told = stand.proposal.model, proposal_of(stand)
        told["flows"] = [{"from": a, "to": b, "customers": count} for a, b, count in stand.proposal.trial.flows]
    before = found.versions.get(model.parent)
    return {
        **told,
        "k": model.k,
        "frame": model.frame.kind,
        "parent": model.parent or None,
        "names": {
            **({} if before is None else _names(before.model, say)),
            **_names(model, say),
        },
        "segments": [
            {
                "id": segment.segment_id,
                "name": say.cluster(segment.name),
                "share": round(segment.share, 4),
                "share_before": None
                if before is None or (old := before.model.by_id(segment.segment_id)) is None
                else round(old.share, 4),
                "typical": dict(segment.typical),
            }
            for segment in sorted(model.segments, key=lambda one: -one.share)
        ],
        "transitions": transitions_of(model),
    }


def _names(model: ClusterModel, say: Messages) -> dict[str, str]:
    return {segment.segment_id: say.cluster(segment.name) for segment in model.segments}


def transitions_of(model: ClusterModel) -> list[dict[str, Any]]:
    """What became of clusters since the version before, JSON-safe."""
    return [
        {"kind": one.kind, "from": list(one.before), "to": list(one.after), "overlap": round(one.overlap, 4)}
        for one in model.transitions
    ]


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
