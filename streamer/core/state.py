"""The state of a lane between batches, and a tick of its clock."""

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
    """The complete state of a lane. `decide` changes it in place; without a commit, discard it and restore.

    ``days`` holds the last day begun, by clock; ``definitions`` the declared segmentations from control records, by
    version; ``erased`` the erases of the last 30 days, by hash of the id; ``models`` the cluster models and
    ``predictions`` the prediction models, by version.
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
        """Return the state of a lane that has never run."""
        return cls(Ledger.fresh(partition), CustomerCache(Memory()))

    def in_force(self, policy: Policy) -> Definitions:
        """Return the newest version of the declared segmentations."""
        definitions_versions = self.ledger.definitions_versions
        return self.definitions[definitions_versions[-1].version] if definitions_versions else policy.definitions

    def adopt(self, model: ClusterModel | PredictionModel) -> None:
        """Add a version to those of its kind."""
        if isinstance(model, PredictionModel):
            self.predictions[model.version] = model
        else:
            self.models[model.version] = model


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of the clock, after the records.

    Attributes
    ----------
    clock
        Advance the lane's clock to this instant (ms); None leaves it where the records put it.
    due
        Ids of cached customers whose next due or next grid point may have passed.
    """

    clock: int | None = None
    due: Sequence[str] = ()


NO_TICK = Tick()
