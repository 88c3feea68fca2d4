"""The contents of a language's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Named(NamedTuple):
    """A name, and its meaning in a few words."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """Texts of one language.

    Attributes
    ----------
    segments
        Declared segments by segmentation and id.
    clusters
        Prototypes of clusters by the English name that models store.
    texts
        Sentences by key, with placeholders in braces.
    """

    segmentations: Mapping[str, str]
    kinds: Mapping[str, str]
    segments: Mapping[tuple[str, str], Named]
    clusters: Mapping[str, Named]
    causes: Mapping[str, str]
    features: Mapping[str, str]
    units: Mapping[str, str]
    texts: Mapping[str, str]
