"""What a lane knows between batches, and a look at its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel
from models.prediction.model import PredictionModel
from models.rules.definitions import Definitions
from streamer.core.customer_cache import CustomerCache
from streamer.core.decision import Erased
from streamer.core.ledger import Ledger
from streamer.core.policy import Policy


@dataclass(slots=True)
class LaneState:
    """All that a lane knows. `decide` changes it in place; if its decision is not committed, throw it away and restore.

    ``days`` holds for each clock the last day that was seen to begin; ``definitions`` the versions of the declared
    segmentations that control records brought; ``erased`` the erases of the last 30 days, by hash of the id. ``models`` are
    clusters and ``predictions`` those of the predictions, by version.
    """

    ledger: Ledger
    cache: CustomerCache
    models: dict[int, ClusterModel] = field(default_factory=dict)
    days: dict[str | None, int] = field(default_factory=dict)
    definitions: dict[int, Definitions] = field(default_factory=dict)
    erased: dict[str, Erased] = field(default_factory=dict)
    predictions: dict[int, PredictionModel] = field(default_factory=dict)

    @classmethod
    def fresh(cls, partition: int) -> LaneState:
        """The state of a lane that has never run."""
        return cls(Ledger.fresh(partition), CustomerCache(Memory()))

    def in_force(self, policy: Policy) -> Definitions:
        """The newest version of the declared segmentations."""
        definitions_versions = self.ledger.definitions_versions
        return self.definitions[definitions_versions[-1].version] if definitions_versions else policy.definitions

    def adopt(self, model: ClusterModel | PredictionModel) -> None:
        """Keep a version beside the others of its kind."""
        if isinstance(model, PredictionModel):
            self.predictions[model.version] = model
        else:
            self.models[model.version] = model


@dataclass(frozen=True, slots=True)
class Tick:
    """A look at the clock, after the records.

    Attributes
    ----------
    clock
        Move the lane's clock up to this instant (ms); None leaves it where the records put it.
    due
        Cached customers whose next due, or next grid point, may have passed.
    """

    clock: int | None = None
    due: Sequence[str] = ()


NO_TICK = Tick()
