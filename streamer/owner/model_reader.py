"""Read published model versions and proposals from the models topic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from models.behaviour.model import ClusterModel
from models.learning.proposal import Proposal
from models.prediction.model import PredictionModel
from schemas.records import Record


@dataclass(frozen=True, slots=True)
class Version:
    """A published version with its time of publication."""

    model: ClusterModel
    published_at: str


@dataclass(frozen=True, slots=True)
class Foresight:
    """A published version of the predictions with its time of publication."""

    model: PredictionModel
    published_at: str


@dataclass(frozen=True, slots=True)
class Stand:
    """A proposal and its status. ``version`` is the version it became."""

    proposal: Proposal
    status: str
    version: int | None
    published_at: str


@dataclass(slots=True)
class Published:
    """All versions and proposals, by number."""

    versions: dict[int, Version] = field(default_factory=dict)
    proposals: dict[int, Stand] = field(default_factory=dict)
    predictions: dict[int, Foresight] = field(default_factory=dict)

    @property
    def newest(self) -> ClusterModel | None:
        """The version published last."""
        return self.versions[max(self.versions)].model if self.versions else None

    @property
    def waiting(self) -> Stand | None:
        """The proposal waiting for a decision."""
        return next((one for one in self.proposals.values() if one.status == "waiting"), None)

    def take(self, records: Iterable[Record]) -> None:
        """Add records of the topic, in order. Ignores records written by other programs."""
        for record in records:
            body: dict[str, Any] = msgspec.json.decode(record.value) if record.value else {}
            match body.get("type"):
                # The topic also contains files of declared segmentations.
                case "segment.model" if body["kind"] == "clusters":
                    model = ClusterModel.from_dict(body["body"])
                    self.versions[model.version] = Version(model, body["published_at"])
                case "segment.model" if body["kind"] == PredictionModel.kind:
                    foreseen = PredictionModel.from_dict(body["body"])
                    self.predictions[foreseen.version] = Foresight(foreseen, body["published_at"])
                case "segment.proposal":
                    proposal = Proposal.from_dict(body["body"])
                    self.proposals[proposal.number] = Stand(
                        proposal, body["status"], body["version"], body["published_at"]
                    )
