"""What the model owner publishes: frozen versions of several kinds, which travel to lanes in the same way."""

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
    """A frozen version.

    Attributes
    ----------
    kind
        ``clusters`` or ``predictions``, as records of the models topic have it.
    version
        Counted from 1 within its kind.
    """

    @property
    def kind(self) -> str: ...

    @property
    def version(self) -> int: ...

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, from which `PUBLISHED` reads it."""
        ...


PUBLISHED: Final[Mapping[str, Callable[[Mapping[str, Any]], ClusterModel | PredictionModel]]] = {
    BEHAVIOUR: ClusterModel.from_dict,
    PREDICTIONS: PredictionModel.from_dict,
}
"""How the body of a version is read, by the segmentation that its control record names."""


def segmentation_of(model: PublishedModel) -> str:
    """What a control record of this version names."""
    return PREDICTIONS if model.kind == PredictionModel.kind else BEHAVIOUR
