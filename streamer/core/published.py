"""Versions that the model owner publishes: frozen models of several kinds, delivered to lanes in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from models.behaviour import model as clusters
from models.behaviour.model import ClusterModel
from models.prediction import model as predictions
from models.prediction.model import PredictionModel

BEHAVIOUR: Final = clusters.SEGMENTATION
PREDICTIONS: Final = predictions.SEGMENTATION


class PublishedModel(Protocol):
    """A frozen model version.

    Attributes
    ----------
    kind
        ``clusters`` or ``predictions``, as in records of the models topic.
    version
        Version number, from 1 within its kind.
    """

    @property
    def kind(self) -> str: ...

    @property
    def version(self) -> int: ...

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that `PUBLISHED` parses."""
        ...


PUBLISHED: Final[Mapping[str, Callable[[Mapping[str, Any]], ClusterModel | PredictionModel]]] = {
    BEHAVIOUR: ClusterModel.from_dict,
    PREDICTIONS: PredictionModel.from_dict,
}
"""Parsers of a version's body, by the segmentation in its control record."""


def segmentation_of(model: PublishedModel) -> str:
    """Return the segmentation in the control record of this version."""
    return PREDICTIONS if model.kind == PredictionModel.kind else BEHAVIOUR
