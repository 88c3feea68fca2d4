"""Test the display of versions and proposals, from what an owner really published."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
from behaviour_world import World
from owner_rig import OwnerRig

from models.learning.learner import LearnerConfig
from models.messages import Language, messages
from schemas import topics
from schemas.errors import UserError
from schemas.published import ModelProposal, SegmentModel
from streamer.commands import common, models
from streamer.commands.segment_names import check, named_so
from streamer.config.settings import Settings
from streamer.owner.model_reader import Published
from streamer.queries import models as queries

CONFIG = LearnerConfig(k=3, frame_days=(90,), min_buyers=150)


@pytest.fixture(scope="module")
def rig() -> OwnerRig:
    """Three clusters, then a proposal of five that is approved."""

    async def go() -> OwnerRig:
        world = World(customers=240)
        world.run(100, learn=False)
        rig = OwnerRig(world, CONFIG)
        while not rig.published("segment.proposal"):
            rig.publish_rows()
            await rig.run()
            rig.config = replace(CONFIG, k=None, tolerance=9.0, table_tolerance=9.0, better=1.0)
            world.run(7, learn=False)
        return rig

    return asyncio.run(go())


@pytest.fixture(scope="module")
def waiting(rig: OwnerRig) -> Published:
    found = Published()
    found.take(rig.broker.records(topics.MODELS))
    return found


@pytest.fixture(scope="module")
def approved(rig: OwnerRig, waiting: Published) -> Published:
    async def go() -> None:
        rig.decide(action="approve", proposal=1)
        await rig.run()

    asyncio.run(go())
    found = Published()
    found.take(rig.broker.records(topics.MODELS))
    return found


def test_what_is_published_is_what_the_contract_says(rig: OwnerRig, approved: Published) -> None:
    for record in rig.broker.records(topics.MODELS):
        body = json.loads(record.value or b"")
        kind = ModelProposal if body["type"] == "segment.proposal" else SegmentModel
        kind.model_validate_json(record.value or b"")
        assert (record.key or b"").decode().startswith("behaviour")


def test_a_proposal_waits_with_what_it_would_move(waiting: Published) -> None:
    assert waiting.waiting is not None and waiting.waiting.proposal.number == 1
    overview = queries.overview(waiting)
    [proposal] = overview["proposals"]
    assert (proposal["id"], proposal["status"], proposal["k"], proposal["version"]) == ("p1", "waiting", 5, None)
    assert 0 < proposal["moves"] < 1 and proposal["moved"] <= proposal["tried"]
    full = queries.detail(waiting, "p1", messages())
    json.dumps(full, allow_nan=False)
    assert sum(flow["customers"] for flow in full["flows"]) == proposal["moved"]
    assert {one["kind"] for one in full["transitions"]} >= {"survive", "appear"}
    assert sum(segment["share"] for segment in full["segments"]) == pytest.approx(1, abs=1e-3)
    surviving = {id for one in full["transitions"] if one["kind"] == "survive" for id in one["to"]}
    assert {s["id"] for s in full["segments"] if s["share_before"] is not None} == surviving


def test_what_became_of_it_and_of_the_segments(approved: Published) -> None:
    overview = queries.overview(approved)
    [proposal] = overview["proposals"]
    newest = overview["versions"][-1]
    assert (proposal["status"], proposal["version"]) == ("approved", newest["version"])
    assert newest["k"] == 5 and newest["parent"] == newest["version"] - 1 and approved.waiting is None
    full = queries.detail(approved, str(newest["version"]), messages())
    assert {segment["id"] for segment in full["segments"]} <= full["names"].keys()


@pytest.mark.parametrize("id", ["7", "p7", "best", "p"])
def test_a_version_that_is_not_there_is_refused(approved: Published, id: str) -> None:
    with pytest.raises(UserError, match="no such"):
        queries.detail(approved, id, messages())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_proposal_is_printed_in_words(
    waiting: Published, capsys: pytest.CaptureFixture[str], language: Language
) -> None:
    texts = messages(language)
    for id in ("p1", "1"):
        models._print(queries.detail(waiting, id, texts), texts)
    printed = capsys.readouterr().out
    assert ("would move" if language == "en" else "换分群") in printed
    assert "models approve p1" in printed
    name = texts.cluster(next(iter(waiting.versions.values())).model.segments[0].name)
    assert name in printed


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("language", "why", "message", "hint"),
    [
        ("en", "segments", "proposal p1 was withdrawn: two checks in a row", "nothing to do"),
        ("en", "drift", "proposal p1 was withdrawn: for four weeks the shop", "models list"),
        ("zh", "segments", "提案 p1 已撤回", "无需任何操作"),
        ("zh", "drift", "提案 p1 已撤回", "models list"),
    ],
)
def test_an_answer_to_a_withdrawn_proposal_is_refused(
    waiting: Published,
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
    language: Language,
    why: str,
    message: str,
    hint: str,
) -> None:
    """With ``late``, it was withdrawn while the answer was in transit."""
    stand = waiting.proposals[1]
    gone = replace(stand, status="withdrawn", proposal=replace(stand.proposal, why=why))
    before, after = Published(proposals={1: stand if late else gone}), Published(proposals={1: gone})
    sent = []
    monkeypatch.setattr(common, "settings", lambda: Settings(language=language))
    monkeypatch.setattr(models, "connections", lambda settings: nullcontext())
    monkeypatch.setattr(queries, "read_published", lambda to: before)
    monkeypatch.setattr(queries, "send_decision", lambda to, decision: sent.append(decision))
    monkeypatch.setattr(queries, "wait_for", lambda to, done: after if done(after) else None)
    with pytest.raises(UserError, match=message) as refused:
        models.approve("p1")
    assert hint in refused.value.hint and len(sent) == late
    assert text_of_withdrawn(language) in models._proposal_line(queries.proposal_of(gone), messages(language))


def text_of_withdrawn(language: Language) -> str:
    return {"en": "withdrawn: its reason no longer holds", "zh": "已撤回"}[language]


def test_a_name_that_will_not_do_is_refused_in_words(waiting: Published) -> None:
    model = waiting.newest
    assert model is not None
    first, second = model.segments[:2]
    check(model, first.segment_id, "常客")
    assert named_so(model, first.segment_id, first.name) and not named_so(None, "x", "y")
    for id, name, message in (
        ("lifecycle", "X", "no behaviour cluster lifecycle"),
        (first.segment_id, second.name, "another cluster is called"),
        (first.segment_id, " ", "must not be empty"),
    ):
        with pytest.raises(UserError, match=message):
            check(model, id, name)
    with pytest.raises(UserError, match="no behaviour clusters yet"):
        check(None, "x", "y")
