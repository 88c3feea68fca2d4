"""Test what an activation writes: the file to every lane, and its segments."""

from __future__ import annotations

import json

import pytest
from heart_definitions import OTHER_BORDERS

from schemas import topics
from schemas.control import ControlDefinitions, decode_control, is_control
from schemas.errors import InvalidEvent, UserError
from schemas.published import SegmentDefinition
from schemas.records import Record
from schemas.signing import ControlKeys, Seal
from streamer.client.activation import Published, activation_writes
from streamer.owner.model_reader import Published as PublishedModels

FILE = Published(4, OTHER_BORDERS, 1_700_000_000_000, "mine.toml", goes_back_to=2)


def test_every_lane_gets_the_same_signed_file() -> None:
    keys = ControlKeys("", (b"a key of sixteen",))
    writes = activation_writes(FILE, 3, keys)
    values = {writes[topics.EVENTS, lane][0].value for lane in range(3)}
    assert len(values) == 1 and (topics.EVENTS, 3) not in writes
    write = writes[topics.EVENTS, 1][0]
    assert is_control(write.headers)
    assert keys.seal_of(topics.EVENTS, 1, write.value, write.headers) == Seal("definitions", 4)
    assert decode_control(write.value) == ControlDefinitions(
        version=4, body={"toml": OTHER_BORDERS, "source": "mine.toml", "goes_back_to": 2}
    )
    with pytest.raises(InvalidEvent):
        keys.seal_of(topics.EVENTS, 2, write.value, write.headers)


def test_its_segments_are_told_and_the_file_is_kept_beside_the_models() -> None:
    writes = activation_writes(FILE, 1)
    published = [SegmentDefinition.model_validate_json(one.value or b"") for one in writes[topics.DEFINITIONS, 0]]
    assert {(one.segmentation, one.version, one.kind) for one in published} == {
        ("lifecycle", 4, "rules"),
        ("value", 4, "bands"),
    }
    assert next(one.key for one in writes[topics.DEFINITIONS, 0]) == b"value/low@4"
    [kept] = writes[topics.MODELS, 0]
    assert kept.key == b"definitions@4" and json.loads(kept.value or b"")["body"]["toml"] == OTHER_BORDERS
    models = PublishedModels()
    models.take([Record(0, 0, 0, kept.key, kept.value, ())])
    assert models.versions == {}, "a file of segmentations is no cluster model"


def test_a_file_with_a_mistake_is_not_written() -> None:
    with pytest.raises(UserError, match=r"mine\.toml, line 13"):
        activation_writes(Published(4, OTHER_BORDERS.replace("orders <= 0", "odours <= 0"), 0, "mine.toml"), 1)
