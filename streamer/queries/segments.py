"""List the segments, their meaning, and the number of customers in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.behaviour.layout import NEW_ID
from models.behaviour.model import SEGMENTATION, ClusterModel
from models.messages import Messages, messages
from models.rules.cards import cluster_meaning, why_no_clusters
from models.rules.definitions import Definitions


def table(
    definitions: Definitions,
    model: ClusterModel | None,
    sizes: Mapping[str, Mapping[str, int]],
    words: Messages | None = None,
) -> dict[str, Any]:
    """Return segmentations by name, each with its kind, version and segments in order; JSON-safe.

    A cluster missing from the newest version is listed as long as it has customers.
    """

    words = words or messages()
    found: dict[str, Any] = {}
    for one in definitions.segmentations:
        held = sizes.get(one.name, {})
        found[one.name] = {
            "kind": one.kind,
            "version": definitions.version,
            "segments": [
                {
                    "id": segment.id,
                    "name": words.segment(one.name, segment.id, segment.name),
                    "meaning": words.meaning(one.name, segment.id, segment.meaning),
                    "size": held.get(segment.id, 0),
                }
                for segment in one.segments
            ],
        }
    if SEGMENTATION not in definitions.clusters:
        return found
    if model is None:
        found[SEGMENTATION] = {"kind": "clusters", "version": None, "segments": [], "note": why_no_clusters(words)}
        return found
    held = dict(sizes.get(SEGMENTATION, {}))
    segments = [
        (segment.segment_id, words.cluster(segment.name), cluster_meaning(model, segment.segment_id, words))
        for segment in model.segments
    ]
    segments.append((NEW_ID, *words.table.segments[SEGMENTATION, NEW_ID]))
    known = {id for id, _, _ in segments}
    segments += [(id, id, words("earlier version")) for id in held if id not in known]
    found[SEGMENTATION] = {
        "kind": "clusters",
        "version": model.version,
        "segments": [
            {"id": id, "name": name, "meaning": meaning, "size": held.get(id, 0)} for id, name, meaning in segments
        ],
    }
    return found
