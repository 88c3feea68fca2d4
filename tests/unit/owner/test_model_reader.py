"""Test reading the models topic: versions and proposals by number, whatever else is in it."""

from __future__ import annotations

from typing import Any

import msgspec
from behaviour_cases import model

from models.learning.owner_types import Learned
from models.learning.proposal import NEW_NUMBER, Proposal, Trial
from schemas import topics
from schemas.records import Record
from streamer.owner.model_reader import Published
from streamer.owner.publish_model import model_writes, proposal_writes

NOW = 1_750_000_000_000
PROPOSAL = Proposal(4, 20_000, NEW_NUMBER, model(3), Trial(100, 7, (("busy", "quiet", 7),)))


def records(*values: bytes | None) -> list[Record]:
    return [Record(0, offset, NOW, b"key", value) for offset, value in enumerate(values)]


WAITING = proposal_writes(None, Learned("proposed"), PROPOSAL, NOW, "adopted")


def of(writes: Any) -> list[bytes | None]:
    return [write.value for write in writes.get((topics.MODELS, 0), ())]


def test_what_the_owner_publishes_is_read_back_whole() -> None:
    published = Published()
    published.take(
        records(
            *of(model_writes(model(2), 1, NOW)),
            *of(WAITING),
        )
    )
    assert published.versions[2].model == model(2) and published.newest == model(2)
    assert published.proposals[4].proposal == PROPOSAL
    assert published.waiting is published.proposals[4]
    assert published.versions[2].published_at == published.proposals[4].published_at == "2025-06-15T15:06:40Z"


def test_the_newest_record_of_a_proposal_counts() -> None:
    published = Published()
    published.take(records(*of(WAITING)))
    approved = Learned("promoted", model=model(5), proposal=PROPOSAL)
    published.take(records(*of(proposal_writes(PROPOSAL, approved, None, NOW, "approved"))))
    stand = published.proposals[4]
    assert (stand.status, stand.version) == ("approved", 5) and published.waiting is None


def test_the_newest_version_is_the_highest_and_there_may_be_none() -> None:
    published = Published()
    assert published.newest is None and published.waiting is None
    published.take(records(*of(model_writes(model(9), 1, NOW)), *of(model_writes(model(8), 1, NOW))))
    assert published.newest is not None and published.newest.version == 9


def test_files_of_segmentations_tombstones_and_strangers_are_left_aside() -> None:
    published = Published()
    rules = {"type": "segment.model", "kind": "rules", "segmentation": "lifecycle", "version": 3, "body": {}}
    published.take(records(None, b"{}", msgspec.json.encode(rules), b'{"type": "something.else"}'))
    assert published == Published()
