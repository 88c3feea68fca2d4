"""Test a proposal on real servers: made, approved while no owner runs, in force, and its moves not safe for automation."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from configured_service import ConfiguredService, answer
from live_service import LiveService

from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

CONFIG: dict[str, Any] = {
    "frame_days": [90],
    "min_buyers": 150,
    "tolerance": 9.0,
    "table_tolerance": 9.0,
    "better": 1.0,
}


def keeping_to(k: int | None) -> dict[str, Any]:
    """Start an owner that keeps ``k`` segments, or finds that there are five.

    A learning run may fall in the middle of a day, when such a small panel shows four kinds as well as five.
    """
    return {**CONFIG, "k": k, "k_range": (5, 5)}


@pytest.fixture
def configured(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[ConfiguredService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_CLOCK="event")
    yield ConfiguredService(service, tmp_path)
    service.close()


@pytest.mark.timeout(300)
def test_a_proposal_is_made_approved_and_moves_customers_as_a_refit(configured: ConfiguredService) -> None:
    service = configured.service
    service.start()
    owner = configured.owner(keeping_to(3))
    configured.play(100)
    service.wait(lambda: bool(configured.published("segment.model")))
    [first] = configured.published("segment.model")
    assert len(first["body"]["segments"]) == 3
    learned, weeks = configured.run("learn", "status"), configured.run("learn", "history")
    assert {one["lane"] for one in learned["lanes"]} == {0, 1}
    assert len(weeks) == learned["weeks"] > 0 and weeks[-1] == learned["latest"]
    newest = configured.run("learn", "show", str(learned["version"]))
    assert newest["version"] == learned["version"] and newest["form"] == "hazard"
    owner.send_signal(signal.SIGTERM)
    owner.wait(20)

    owner = configured.owner(keeping_to(None))
    while not configured.published("segment.proposal"):
        assert configured.day < 160, service.logs()
        times_kept = configured.times_kept()
        configured.play(8)
        service.wait(partial(configured.looked_since, times_kept))
    [proposal] = configured.run("models", "list")["proposals"]
    assert (proposal["id"], proposal["status"], proposal["k"]) == ("p1", "waiting", 5)
    assert 0 < proposal["moves"] < 1
    shown = configured.run("models", "show", "p1")
    assert {one["kind"] for one in shown["transitions"]} >= {"survive", "appear"}

    # The owner dies, a person approves, another owner starts, acts on it, and is killed in turn.
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    approving = configured.start("models", "approve", "p1")
    owner = configured.owner(keeping_to(None))
    approved = answer(approving)
    assert (approved["status"], approved["version"]) == ("approved", first["version"] + 1)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    configured.owner(keeping_to(None))

    survivors = {s["segment_id"] for s in first["body"]["segments"]}
    kept = sorted(survivors & {s["id"] for s in shown["segments"]})
    renamed = configured.run("segments", "rename", kept[0], "常客")
    assert renamed["version"] == approved["version"] + 1
    metrics = configured.metrics()
    assert f"streamer_model_version {renamed['version']}.0" in metrics
    assert 'streamer_model_refits_total{outcome="renamed"} 1.0' in metrics
    assert "streamer_model_proposals_waiting 0.0" in metrics
    configured.play(20)
    versions = configured.published("segment.model")
    assert [one["version"] for one in versions] == [first["version"] + step for step in range(3)]
    assert [one["status"] for one in configured.published("segment.proposal")] == ["waiting", "approved"]
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
