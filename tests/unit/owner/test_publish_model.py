"""Test what one step of the model owner publishes: a version to every lane, answers, and proposals' statuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from behaviour_cases import model

from models.learning.owner_types import Learned
from models.learning.proposal import NEW_FRAME, Proposal, Trial
from models.rules.defaults import DEFAULTS
from schemas import topics
from schemas.control import ControlLearned, ControlModel, decode_control, is_control
from schemas.errors import InvalidEvent
from schemas.published import ModelProposal, SegmentDefinition, SegmentModel
from schemas.signing import ControlKeys, Seal
from streamer.lanes.ports import Writes
from streamer.owner.publish_model import answer_writes, definition_writes, model_writes, proposal_writes

NOW = 1_750_000_000_000
KEYS = ControlKeys("", (b"a key of sixteen",))


def proposal(number: int) -> Proposal:
    return Proposal(number, 20_000, NEW_FRAME, model(2), Trial(50, 5), ("psi_basket",))


def stands(writes: Writes) -> list[tuple[int, str, int | None]]:
    """Return number, status and version of each record about a proposal."""
    bodies: list[dict[str, Any]] = [json.loads(write.value or b"") for write in writes.get((topics.MODELS, 0), ())]
    for body in bodies:
        ModelProposal.model_validate(body)
    return [(body["number"], body["status"], body["version"]) for body in bodies]


def test_a_version_goes_into_every_lane_signed_for_that_lane() -> None:
    writes = model_writes(model(7), 3, NOW, KEYS)
    lanes = [writes[topics.EVENTS, lane] for lane in range(3)]
    assert (topics.EVENTS, 3) not in writes and all(len(one) == 1 for one in lanes)
    for lane, [write] in enumerate(lanes):
        assert write.key is None and is_control(write.headers)
        assert KEYS.seal_of(topics.EVENTS, lane, write.value, write.headers) == Seal("models", 7)
        control = decode_control(write.value or b"")
        assert isinstance(control, ControlModel) and control.version == 7
    # A record copied to another lane is rejected there.
    with pytest.raises(InvalidEvent, match="streamer-signature is missing or wrong"):
        KEYS.seal_of(topics.EVENTS, 1, lanes[0][0].value, lanes[0][0].headers)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_version_is_a_record_and_a_definition_for_each_segment(language: Any) -> None:
    writes = model_writes(model(7), 1, NOW, language=language)
    [record] = writes[topics.MODELS, 0]
    read = SegmentModel.model_validate_json(record.value or b"")
    assert (record.key, read.version, read.kind, read.published_at) == (b"behaviour@7", 7, "clusters", NOW)
    definitions = [SegmentDefinition.model_validate_json(one.value or b"") for one in writes[topics.DEFINITIONS, 0]]
    assert [one.segment for one in definitions] == [one.segment_id for one in model(7).segments]
    assert all(one.meaning and one.version == 7 and one.segmentation == "behaviour" for one in definitions)


def test_an_answer_goes_into_every_lane_with_its_number() -> None:
    writes = answer_writes("i-1", 20, 27, 2, 41, KEYS)
    assert set(writes) == {(topics.EVENTS, 0), (topics.EVENTS, 1)}
    [write] = writes[topics.EVENTS, 1]
    assert decode_control(write.value or b"") == ControlLearned(import_id="i-1", day=20, next_day=27)
    assert KEYS.seal_of(topics.EVENTS, 1, write.value, write.headers) == Seal("answers", 41)


@pytest.mark.parametrize(
    ("before", "learned", "after", "by", "expected"),
    [
        (None, Learned("kept"), None, "adopted", []),
        (None, Learned("proposed"), proposal(1), "adopted", [(1, "waiting", None)]),
        (proposal(1), Learned("kept"), proposal(1), "adopted", []),
        # Approved or adopted: it names the version that it became.
        (proposal(1), Learned("promoted", model(9), proposal(1)), None, "approved", [(1, "approved", 9)]),
        (None, Learned("promoted", model(9), proposal(1)), None, "adopted", [(1, "adopted", 9)]),
        (proposal(1), Learned("rejected", proposal=proposal(1)), None, "approved", [(1, "rejected", None)]),
        (proposal(1), Learned("withdrawn", withdrawn=proposal(1)), None, "adopted", [(1, "withdrawn", None)]),
        # A newer one replaces a waiting one.
        (proposal(1), Learned("proposed"), proposal(2), "adopted", [(1, "superseded", None), (2, "waiting", None)]),
        # The reason for one is gone, and another has appeared in the same step.
        (
            proposal(1),
            Learned("proposed", withdrawn=proposal(1)),
            proposal(2),
            "adopted",
            [(1, "withdrawn", None), (2, "waiting", None)],
        ),
        # A first fit promotes a model without any proposal.
        (None, Learned("promoted", model(1)), None, "adopted", []),
    ],
)
def test_each_step_says_how_proposals_stand(
    before: Proposal | None,
    learned: Learned,
    after: Proposal | None,
    by: str,
    expected: list[tuple[int, str, int | None]],
) -> None:
    assert stands(proposal_writes(before, learned, after, NOW, by)) == expected


def test_declared_segments_are_definitions_in_the_language_in_force() -> None:
    english, chinese = (
        [SegmentDefinition.model_validate_json(one.value or b"") for one in writes[topics.DEFINITIONS, 0]]
        for writes in (definition_writes(DEFAULTS, NOW), definition_writes(DEFAULTS, NOW, "zh"))
    )
    wanted = [(one.name, segment.id) for one in DEFAULTS.segmentations for segment in one.segments]
    assert [(one.segmentation, one.segment) for one in english] == wanted
    assert [(one.segmentation, one.segment) for one in chinese] == wanted
    assert all(a.name != b.name for a, b in zip(english, chinese, strict=True))
