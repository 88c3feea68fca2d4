from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from behaviour_cases import SEGMENTS, model

from models.behaviour.model import CONSERVATIVE, DISTANCE, VOLUME, ClusterModel, Preset, Transition, _digest
from schemas.errors import InvariantViolation


def test_a_model_survives_json() -> None:
    made = model(version=4, retired=((9, "gone"),), transitions=(Transition("vanish", ("gone",), (), 1.0),), made_on=12)
    wire = json.loads(json.dumps(made.to_dict()))
    again = ClusterModel.from_dict(wire)
    assert again == made
    assert again.to_dict() == made.to_dict()


def test_codes_are_named_even_after_the_segment_is_gone() -> None:
    made = model(retired=((9, "gone"),))
    assert [made.id_of(code) for code in (0, 1, 2, 9)] == [None, "new", "busy", "gone"]
    with pytest.raises(InvariantViolation, match="code 77"):
        made.id_of(77)


def test_a_changed_byte_is_noticed() -> None:
    wire = model().to_dict()
    wire["sigma2"] = 0.16
    with pytest.raises(InvariantViolation, match="SHA-256"):
        ClusterModel.from_dict(wire)


def test_a_version_from_before_positions_had_a_likelihood_goes_by_the_distance() -> None:
    wire = {key: value for key, value in model(preset=CONSERVATIVE).to_dict().items() if key != "sha256"}
    wire["preset"] = {"h": 0.2, "theta": 1.0, "eta": 7.5, "volume_h": 0.4, "volume_theta": 7.0}
    read = ClusterModel.from_dict(wire | {"sha256": _digest(wire)}).preset
    assert (read.statistic, read.holiday, read.h) == (DISTANCE, 0.0, 0.2)
    # Steps of volume are distinguished by distance, with every preset.
    assert CONSERVATIVE.in_frame(VOLUME).statistic == DISTANCE


def test_a_field_of_the_wrong_kind_is_reported_plainly() -> None:
    wire = {key: value for key, value in model().to_dict().items() if key != "sha256"}
    wire["segments"] = [{"name": "half a segment"}]
    with pytest.raises(InvariantViolation, match="cannot be read"):
        ClusterModel.from_dict(wire | {"sha256": _digest(wire)})


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"parent": 1},
        {"segments": ()},
        {"segments": SEGMENTS * 3},
        {"segments": (SEGMENTS[0], SEGMENTS[0])},
        {"segments": (replace(SEGMENTS[0], centroid=(0.0,)),)},
        {"segments": (replace(SEGMENTS[0], centroid=(float("nan"),) * 7),)},
        {"segments": (replace(SEGMENTS[0], order_rate=0.0),)},
        {"segments": (replace(SEGMENTS[0], discount=1.0),)},
        {"segments": (replace(SEGMENTS[0], slot=10),)},
        {"segments": (replace(SEGMENTS[0], segment_id="new"),)},
        {"retired": ((2, "busy"),)},
        {"sigma2": float("inf")},
        {"phi": (0.5, 1.0)},
        {"preset": Preset(h=1.0)},
        {"preset": Preset(statistic="by the stars")},
        {"preset": Preset(holiday=-1.0)},
        {"preset": replace(CONSERVATIVE, h=10.0)},
        {"feature_names": ("orders",)},
    ],
)
def test_a_model_that_cannot_be_scored_with_is_never_made(change: dict[str, Any]) -> None:
    with pytest.raises(InvariantViolation):
        model(**change)
