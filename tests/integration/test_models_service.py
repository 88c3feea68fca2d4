"""A proposal on real servers: made, approved while no owner runs, in force, and its moves not safe for automation."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from configured_service import Told, answer
from live_service import LiveService

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

TOLD: dict[str, Any] = {
    "frame_days": [90],
    "min_buyers": 150,
    "tolerance": 9.0,
    "table_tolerance": 9.0,
    "better": 1.0,
}


def keeping_to(k: int | None) -> dict[str, Any]:
    """An owner who keeps to ``k`` segments, or who finds that there are five.

    A look at the panel may come in the middle of a day, and so small a panel then shows four kinds as well as five.
    """
    return {**TOLD, "k": k, "k_range": (5, 5)}


@pytest.fixture
def told(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Told]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_CLOCK="event")
    yield Told(service, tmp_path)
    service.close()


@pytest.mark.timeout(300)
def test_a_proposal_is_made_approved_and_moves_customers_as_a_refit(told: Told) -> None:
    service = told.service
    service.start()
    owner = told.owner(keeping_to(3))
    told.play(100)
    service.wait(lambda: bool(told.published("segment.model")))
    [first] = told.published("segment.model")
    assert len(first["body"]["segments"]) == 3
    owner.send_signal(signal.SIGTERM)
    owner.wait(20)

    owner = told.owner(keeping_to(None))
    while not told.published("segment.proposal"):
        assert told.day < 160, service.logs()
        times_kept = told.times_kept()
        told.play(8)
        service.wait(partial(told.looked_since, times_kept))
    [proposal] = told.run("models", "list")["proposals"]
    assert (proposal["id"], proposal["status"], proposal["k"]) == ("p1", "waiting", 5)
    assert 0 < proposal["moves"] < 1
    shown = told.run("models", "show", "p1")
    assert {one["kind"] for one in shown["transitions"]} >= {"survive", "appear"}

    # The owner dies; somebody approves; another owner starts, acts on it, and is killed in turn.
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    approving = told.start("models", "approve", "p1")
    owner = told.owner(keeping_to(None))
    approved = answer(approving)
    assert (approved["status"], approved["version"]) == ("approved", first["version"] + 1)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    told.owner(keeping_to(None))

    survivors = {s["segment_id"] for s in first["body"]["segments"]}
    kept = sorted(survivors & {s["id"] for s in shown["segments"]})
    renamed = told.run("segments", "rename", kept[0], "常客")
    assert renamed["version"] == approved["version"] + 1
    metrics = told.metrics()
    assert f"streamer_model_version {renamed['version']}.0" in metrics
    assert 'streamer_model_refits_total{outcome="renamed"} 1.0' in metrics
    assert "streamer_model_proposals_waiting 0.0" in metrics
    told.play(20)
    versions = told.published("segment.model")
    assert [one["version"] for one in versions] == [first["version"] + step for step in range(3)]
    assert [one["status"] for one in told.published("segment.proposal")] == ["waiting", "approved"]
    names = {s["segment_id"]: s["name"] for s in first["body"]["segments"]} | {kept[0]: "常客"}
    for segment in versions[-1]["body"]["segments"]:
        if segment["segment_id"] in survivors:
            assert segment["name"] == names[segment["segment_id"]]

    changes = [change for change in service.changes() if change["segmentation"] == "behaviour"]
    refits = [change for change in changes if change["cause"] == "refit" and change["from"] is not None]
    appeared = {s["id"] for s in shown["segments"]} - survivors
    assert len([change for change in refits if change["to"]["id"] in appeared]) >= proposal["moved"] / 2
    assert {change["automation_safe"] for change in refits} == {False}
    assert {change["to"]["name"] for change in refits if change["to"]["id"] == kept[0]} <= {"常客"}
    assert service.parity().differences == []
