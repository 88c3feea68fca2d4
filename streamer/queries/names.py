"""Look up names of segments."""

from __future__ import annotations

from models.behaviour.layout import NEW_ID, NEW_NAME
from models.behaviour.model import SEGMENTATION, ClusterModel
from models.messages import messages
from streamer.core.policy import Policy


def segment_name(segmentation: str, segment: str, policy: Policy, model: ClusterModel | None) -> str:
    """Return a segment's current name, or its id if it has no known name."""

    words = messages(policy.language)
    if segmentation != SEGMENTATION:
        return words.segment(segmentation, segment, policy.definitions.names.get((segmentation, segment), segment))
    if segment == NEW_ID:
        return words.segment(SEGMENTATION, NEW_ID, NEW_NAME)
    named = None if model is None else model.by_id(segment)
    return segment if named is None else words.cluster(named.name)
