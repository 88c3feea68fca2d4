"""Test the service with River's clusterers: events, panel, versions, moved customers, and an owner killed on the way."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from configured_service import CUSTOMERS, ConfiguredService
from live_service import LiveService

from models.learning.owner_snapshot import Saved
from schemas import topics
from streamer.embedded import Addresses

pytestmark = pytest.mark.integration

CONFIG: dict[str, Any] = {"k": 5, "frame": "standard", "frame_days": [90], "min_buyers": 150, "tolerance": 0.02}


@pytest.fixture(params=["KMeans:halflife=0.02", "STREAMKMeans:chunk_size=100,halflife=0.2"])
def configured(
    request: pytest.FixtureRequest, addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path
) -> Iterator[ConfiguredService]:
    service = LiveService(
        addresses, redis_url, prefix, tmp_path, lanes=2, STREAMER_CLOCK="event", STREAMER_CLUSTERER=request.param
    )
    yield ConfiguredService(service, tmp_path)
    service.close()


def identities(version: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {(s["segment_id"], s["name"], s["code"], s["slot"]) for s in version["body"]["segments"]}


def snapshot(service: LiveService) -> Saved:
    """Return what the owner stored last."""
    pieces = {r.key: r.value for r in service.records(topics.PANEL, 0) if (r.key or b"").startswith(b"!learner:")}
    data = b"".join(msgspec.msgpack.decode(pieces[key] or b"")[2] for key in sorted(pieces, key=str))
    return msgspec.msgpack.decode(zlib.decompress(data), type=Saved)


@pytest.mark.timeout(300)
def test_the_service_runs_with_a_clusterer_of_rivers_and_a_killed_owner_changes_no_identity(
    configured: ConfiguredService,
) -> None:
    service = configured.service
    service.start()
    owner = configured.owner(CONFIG)
    configured.play(100)
    service.wait(lambda: bool(configured.published("segment.model")))
    while len(configured.published("segment.model")) < 2:
        assert configured.day < 180, service.logs()
        times_kept = configured.times_kept()
        configured.play(8)
        service.wait(partial(configured.looked_since, times_kept))
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(20)
    before = configured.published("segment.model")

    configured.owner(CONFIG)
    while len(configured.published("segment.model")) == len(before):
        assert configured.day < 280, service.logs()
        times_kept = configured.times_kept()
        configured.play(8)
        service.wait(partial(configured.looked_since, times_kept))
    configured.play(2)
    versions = configured.published("segment.model")
    assert [one["version"] for one in versions] == list(range(1, len(versions) + 1))
    for one in versions:
        assert identities(one) == identities(versions[0])
    assert len({str([s["centroid"] for s in one["body"]["segments"]]) for one in versions}) == len(versions)

    kept = snapshot(service).river
    assert kept is not None and kept.seen > CUSTOMERS and kept.choice == service.environment["STREAMER_CLUSTERER"]
    assert "streamer_panel_silhouette_ratio 0." in configured.metrics()

    changes = [change for change in service.changes() if change["segmentation"] == "behaviour"]
    placed = {change["customer_id"] for change in changes}
    assert len(placed) > CUSTOMERS / 2
    assert {change["to"]["id"] for change in changes} - {"new"} <= {one[0] for one in identities(versions[0])}
    assert service.parity().differences == []
