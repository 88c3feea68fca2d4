"""Query the model owner's cluster versions and proposals, and its response to a decision."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from models.behaviour.model import ClusterModel
from models.messages import Messages
from schemas import topics
from schemas.decisions import ModelDecision, decision_key, encode_decision
from schemas.errors import UserError
from streamer.adapters.client import read, sender
from streamer.client.connections import Connections
from streamer.owner.model_reader import Published, Stand

_ANSWER_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.5


def read_published(to: Connections) -> Published:
    """Return the current content of the models topic."""

    found = Published()
    found.take(read(to.kafka, topics.MODELS))
    return found


def send_decision(to: Connections, decision: ModelDecision) -> None:
    """Send a decision to the model owner, which processes it when it next runs."""

    value, headers = encode_decision(decision, to.settings.control_keys)
    with sender(to.kafka, topics.PANEL, 1) as send:
        send.send(decision_key(), value, headers, partition=0)


def wait_for(to: Connections, done: Callable[[Published], bool]) -> Published | None:
    """Return the published content once ``done`` holds for it, or None if that takes too long for an interactive command."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < deadline:
        found = read_published(to)
        if done(found):
            return found
        time.sleep(_POLL_SECONDS)
    return None


def stand_of(found: Published, id: str) -> Stand:
    match = re.fullmatch(r"p?(\d+)", id)
    stand = found.proposals.get(int(match[1])) if match else None
    if stand is None:
        known = ", ".join(f"p{number}" for number in sorted(found.proposals)) or "none"
        raise UserError(f"no such proposal: {id}", f"proposals: {known}")
    return stand


def decide(to: Connections, id: str, action: Literal["approve", "reject"], texts: Messages) -> tuple[Stand, bool]:
    """Decide on a proposal and wait for the model owner. Return the proposal and whether the owner has acted.

    Raises
    ------
    UserError
        The proposal does not exist or is not waiting.
    """
    stand = stand_of(read_published(to), id)
    number = stand.proposal.number
    if stand.status != "waiting":
        raise not_waiting(stand, texts)
    send_decision(to, ModelDecision(action=action, proposal=number))
    after = wait_for(to, lambda now: now.proposals[number].status != "waiting")
    if after is None:
        return stand, False
    stand = after.proposals[number]
    # The owner may have withdrawn it at the same time.
    if stand.status == "withdrawn":
        raise not_waiting(stand, texts)
    return stand, True


def not_waiting(stand: Stand, texts: Messages) -> UserError:
    """Return the error for a decision about a proposal that is not pending."""
    id = f"p{stand.proposal.number}"
    if stand.status == "withdrawn":
        gone = texts(f"gone {stand.proposal.why}")
        return UserError(texts("proposal withdrawn", id=id, gone=gone), texts("see proposals to come"))
    return UserError(texts("proposal settled", id=id, status=texts(f"status {stand.status}")), texts("see models list"))


def overview(found: Published) -> dict[str, Any]:
    """Return a summary of versions and proposals, JSON-safe."""
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
    """Return a summary of a proposal, JSON-safe."""
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


def detail(found: Published, id: str, texts: Messages) -> dict[str, Any]:
    """Return one version or proposal in full, JSON-safe. Raises UserError if it does not exist."""
    if id.isdigit():
        version = found.versions.get(int(id))
        if version is None:
            known = ", ".join(str(number) for number in sorted(found.versions)) or "none"
            raise UserError(
                f"no such version: {id}", (f"versions: {known}; for a proposal, use its id, for example p1")
            )
        model = version.model
        described: dict[str, Any] = {"version": model.version, "published_at": version.published_at}
    else:
        stand = stand_of(found, id)
        model, described = stand.proposal.model, proposal_of(stand)
        described["flows"] = [{"from": a, "to": b, "customers": count} for a, b, count in stand.proposal.trial.flows]
    before = found.versions.get(model.parent)
    return {
        **described,
        "k": model.k,
        "frame": model.frame.kind,
        "parent": model.parent or None,
        "names": {
            **({} if before is None else _names(before.model, texts)),
            **_names(model, texts),
        },
        "segments": [
            {
                "id": segment.segment_id,
                "name": texts.cluster(segment.name),
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


def _names(model: ClusterModel, texts: Messages) -> dict[str, str]:
    return {segment.segment_id: texts.cluster(segment.name) for segment in model.segments}


def transitions_of(model: ClusterModel) -> list[dict[str, Any]]:
    """Return how clusters changed since the previous version, JSON-safe."""
    return [
        {"kind": one.kind, "from": list(one.before), "to": list(one.after), "overlap": round(one.overlap, 4)}
        for one in model.transitions
    ]
