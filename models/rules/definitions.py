"""One version of all declared segmentations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.features.own_events import counted_event
from models.features.predicted import PREDICTED
from models.rules.conditions import Member
from models.rules.segmentation import Segmentation

CLUSTERS = ("behaviour",)
"""All possible cluster segmentations."""


@dataclass(frozen=True)
class Definitions:
    """One version of all declared segmentations, each after those it refers to.

    ``clusters`` names the active cluster segmentations; models define their segments.
    """

    version: int
    segmentations: tuple[Segmentation, ...]
    clusters: tuple[str, ...] = CLUSTERS

    @cached_property
    def names(self) -> dict[tuple[str, str], str]:
        """Segment names by segmentation and segment id."""
        return {
            (segmentation.name, segment.id): segment.name
            for segmentation in self.segmentations
            for segment in segmentation.segments
        }

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of each segmentation: ``rules`` or ``bands``."""
        return {segmentation.name: segmentation.kind for segmentation in self.segmentations}

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Names of all features that a rule or band reads, sorted."""
        found: set[str] = set()
        for segmentation in self.segmentations:
            found |= segmentation.features
        return tuple(sorted(found))

    @cached_property
    def ready(self) -> dict[str, Any]:
        """Cache for values computed once per version (``models.rules.evaluate``)."""
        return {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of all text features that a rule reads, sorted."""
        found = {name for segmentation in self.segmentations for name in segmentation.refers_to}
        return tuple(sorted(found.difference(self.kinds, CLUSTERS)))

    @cached_property
    def counted_events(self) -> frozenset[str]:
        """Names of the events that a rule or band reads."""
        return frozenset(filter(None, map(counted_event, self.features)))

    @cached_property
    def compared_words(self) -> frozenset[str]:
        """Names whose text a rule compares, not only tests for presence."""
        return frozenset(
            leaf.segmentation
            for segmentation in self.segmentations
            for leaf in segmentation.leaves
            if isinstance(leaf, Member) and any(leaf.segments)
        )

    def needed_for(self, names: frozenset[str]) -> tuple[Segmentation, ...]:
        """Return the named segmentations and those they refer to, directly or indirectly, in their order."""
        known: dict[frozenset[str], tuple[Segmentation, ...]] = self.ready.setdefault("asked", {})
        found = known.get(names)
        if found is None:
            needed = set(names)
            for segmentation in reversed(self.segmentations):
                if segmentation.name in needed:
                    needed |= segmentation.refers_to
            found = known[names] = tuple(one for one in self.segmentations if one.name in needed)
        return found

    @cached_property
    def behind_clusters(self) -> frozenset[str]:
        """Names of the segmentations that depend on clusters, directly or indirectly."""
        found = set(self.clusters)
        for segmentation in self.segmentations:
            if not found.isdisjoint(segmentation.refers_to):
                found.add(segmentation.name)
        return frozenset(found.difference(self.clusters))

    @cached_property
    def behind_predictions(self) -> frozenset[str]:
        """Names of the segmentations that depend on predictions, directly or indirectly."""
        found: set[str] = set()
        for segmentation in self.segmentations:
            if not segmentation.features.isdisjoint(PREDICTED) or not found.isdisjoint(segmentation.refers_to):
                found.add(segmentation.name)
        return frozenset(found)
