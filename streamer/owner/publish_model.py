"""Encode what the model owner publishes: versions for every lane, and the tables of models and definitions."""

from __future__ import annotations

from typing import Any

import msgspec

from models.behaviour.model import ClusterModel
from models.learning.owner_types import Learned
from models.learning.proposal import Proposal
from models.messages import Language, messages
from models.rules.cards import cluster_meaning
from models.rules.definitions import Definitions
from schemas import topics
from schemas.changes import definition_key, model_key, proposal_key
from schemas.control import ControlLearned, ControlModel, control_headers, encode_control
from schemas.published import ModelProposal, SegmentDefinition, SegmentModel
from schemas.signing import ControlKeys, Seal
from streamer.core.published import BEHAVIOUR, PublishedModel, segmentation_of
from streamer.lanes.ports import Write, Writes


def model_writes(
    model: ClusterModel, lanes: int, now_ms: int, keys: ControlKeys | None = None, language: Language = "en"
) -> Writes:
    """Return the writes for a new cluster model: inline to every lane, to the models topic, and its segment definitions."""
    texts = messages(language)
    writes = version_writes(model, lanes, now_ms, keys)
    writes[topics.DEFINITIONS, 0] = [
        _definition(
            BEHAVIOUR,
            segment.segment_id,
            model.version,
            texts.cluster(segment.name),
            cluster_meaning(model, segment.segment_id, texts),
            "clusters",
            now_ms,
        )
        for segment in model.segments
    ]
    return writes


def version_writes(model: PublishedModel, lanes: int, now_ms: int, keys: ControlKeys | None = None) -> Writes:
    """Return the writes for a frozen version of any kind: inline to every lane, and to the models topic."""
    body, segmentation = msgspec.json.decode(msgspec.json.encode(model.to_dict())), segmentation_of(model)
    value = encode_control(ControlModel(segmentation=segmentation, version=model.version, body=body))
    # Each kind numbers its own versions, and therefore its own signatures.
    seal = Seal("models" if segmentation == BEHAVIOUR else segmentation, model.version)
    record = SegmentModel(
        type="segment.model",
        segmentation=segmentation,
        version=model.version,
        kind=model.kind,
        published_at=now_ms,
        body=body,
    )
    return {
        **{
            (topics.EVENTS, lane): [Write(None, value, control_headers(value, lane, seal, keys))]
            for lane in range(lanes)
        },
        (topics.MODELS, 0): [Write(model_key(segmentation, model.version), record.model_dump_json().encode())],
    }


def answer_writes(
    import_id: str, day: int, next_day: int, lanes: int, number: int = 0, keys: ControlKeys | None = None
) -> Writes:
    """Return the answer to an import that requested learning on ``day``: a control record per lane, signed with ``number``."""
    value = encode_control(ControlLearned(import_id=import_id, day=day, next_day=next_day))
    seal = Seal("answers", number)
    return {
        (topics.EVENTS, lane): [Write(None, value, control_headers(value, lane, seal, keys))] for lane in range(lanes)
    }


def proposal_writes(before: Proposal | None, learned: Learned, after: Proposal | None, now_ms: int, by: str) -> Writes:
    """Return records of the changes to proposals in one step of the owner.

    Parameters
    ----------
    before, after
        Proposal waiting before the step, and the one waiting now.
    by
        Status of a proposal published in this step: ``approved`` or ``adopted``.
    """
    found = []
    settled = learned.proposal if learned.outcome in ("promoted", "rejected") else None
    if settled is not None:
        version = None if learned.model is None else learned.model.version
        found.append(_proposal(settled, by if learned.outcome == "promoted" else "rejected", version, now_ms))
    if learned.withdrawn is not None:
        found.append(_proposal(learned.withdrawn, "withdrawn", None, now_ms))
    known = {one.number for one in (settled, learned.withdrawn, after) if one is not None}
    if before is not None and before.number not in known:
        found.append(_proposal(before, "superseded", None, now_ms))
    if after is not None and (before is None or before.number != after.number):
        found.append(_proposal(after, "waiting", None, now_ms))
    return {(topics.MODELS, 0): found} if found else {}


def _proposal(proposal: Proposal, status: Any, version: int | None, now_ms: int) -> Write:
    record = ModelProposal(
        type="segment.proposal",
        segmentation=BEHAVIOUR,
        number=proposal.number,
        status=status,
        why=proposal.why,
        version=version,
        moves=proposal.trial.share,
        published_at=now_ms,
        body=msgspec.json.decode(msgspec.json.encode(proposal.to_dict())),
    )
    return Write(proposal_key(BEHAVIOUR, proposal.number), record.model_dump_json().encode())


def definition_writes(definitions: Definitions, now_ms: int, language: Language = "en") -> Writes:
    """Return the declared segmentations as records of the definitions topic, in a language."""
    texts = messages(language)
    return {
        (topics.DEFINITIONS, 0): [
            _definition(
                segmentation.name,
                segment.id,
                definitions.version,
                texts.segment(segmentation.name, segment.id, segment.name),
                texts.meaning(segmentation.name, segment.id, segment.meaning),
                segmentation.kind,
                now_ms,
            )
            for segmentation in definitions.segmentations
            for segment in segmentation.segments
        ]
    }


def _definition(
    segmentation: str, segment: str, version: int, name: str, meaning: str, kind: str, now_ms: int
) -> Write:
    record = SegmentDefinition(
        type="segment.definition",
        segmentation=segmentation,
        segment=segment,
        version=version,
        name=name,
        meaning=meaning,
        kind=kind,
        published_at=now_ms,
    )
    return Write(definition_key(segmentation, segment, version), record.model_dump_json().encode())
