"""Test a person's approval of a prediction challenger: exactly one version of it, over crashes, and none of an invalid one."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from behaviour_world import World
from owner_rig import OwnerRig

from models.learning.learner import LearnerConfig
from models.prediction.challenger import Challenger, widened
from models.prediction.model import PredictionModel
from models.prediction.prior import shipped
from models.prediction.recursion import Belief
from schemas import topics
from schemas.decisions import DECISION_KEY
from schemas.signing import ControlKeys

PAIRS = (("age", "orders"),)
KEY = ControlKeys("", (b"a key of sixteen",))


def challenger(weight: float = 0.25) -> dict[str, Any]:
    belief = widened(shipped(), PAIRS)
    return Challenger(PAIRS, Belief(np.array([*shipped().mean, weight]), belief.precision)).to_dict()


def made(key: ControlKeys | None = None) -> OwnerRig:
    rig = OwnerRig(World(customers=6), LearnerConfig(), key)
    rig.world.run(3, learn=False)
    rig.publish_rows()
    return rig


def predictions(rig: OwnerRig, lane: int) -> list[PredictionModel]:
    """Return the versions of predictions written to a lane."""
    return [
        PredictionModel.from_dict(body["body"])
        for body in rig.lane(lane)
        if body["type"] == "control.model" and body["segmentation"] == "predictions"
    ]


@pytest.mark.parametrize("crash", [None, "before", "after"])
def test_an_approved_challenger_is_published_once(crash: str | None) -> None:
    rig = made()
    rig.decide(segmentation="predictions", action="adopt", challenger=challenger())
    asyncio.run(rig.run(crash))
    owner = asyncio.run(rig.run())
    for lane in (0, 1):
        [version] = predictions(rig, lane)
        assert (version.version, version.form, version.products) == (1, "hazard", ((PAIRS[0], 0.25),))
    [record] = [one for one in rig.published("segment.model") if one["kind"] == "predictions"]
    assert record["version"] == 1
    # It is in the snapshot, and the decision is gone.
    assert owner._predictor.state.pairs == PAIRS
    held = {one.key or b"": one.value for one in rig.broker.records(topics.PANEL)}
    assert not [key for key, value in held.items() if key.startswith(DECISION_KEY) and value is not None]


def test_a_second_one_is_the_next_version() -> None:
    rig = made()
    for weight in (0.25, -0.5):
        rig.decide(segmentation="predictions", action="adopt", challenger=challenger(weight))
    asyncio.run(rig.run())
    assert [(one.version, one.products[0][1]) for one in predictions(rig, 0)] == [(1, 0.25), (2, -0.5)]


def test_what_is_no_challenger_changes_nothing() -> None:
    rig = made()
    rig.decide(segmentation="predictions", action="adopt", challenger={"products": [["age", "nothing"]]})
    owner = asyncio.run(rig.run())
    assert predictions(rig, 0) == [] and owner._predictor.state.pairs == ()


def test_only_a_signed_approval_counts_where_there_is_a_key() -> None:
    rig = made(KEY)
    rig.decide(signed=False, segmentation="predictions", action="adopt", challenger=challenger())
    asyncio.run(rig.run())
    assert predictions(rig, 0) == []
    rig.decide(segmentation="predictions", action="adopt", challenger=challenger())
    rig.decide_again()
    asyncio.run(rig.run())
    assert [one.version for one in predictions(rig, 0)] == [1]
