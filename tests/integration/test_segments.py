"""Test another version of the segmentations on real servers: previewed, activated, applied to all, reverted."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from heart_definitions import OTHER_BORDERS
from live_service import LiveService

from models.features.time import DAY_MS, DayGrid
from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from schemas import topics
from schemas.wire_time import epoch_ms, iso
from streamer.embedded import Addresses
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import Outgoing, import_records

pytestmark = pytest.mark.integration

LANES = 2
CUSTOMERS = 900
START = epoch_ms("2025-03-01T00:00:00Z")
EDITED = OTHER_BORDERS.replace(
    "[behaviour]",
    """[loud]
kind = "rules"
dwell_days = 3
new = { until = "orders >= 1 or interactions >= 3" }
rules = [
    { segment = "much", when = "interactions >= 30 exit 25 and value is not low" },
    { segment = "tall", when = "custom.size >= 40 and custom.skin is dry" },
    { segment = "little" },
]
[loud.segments]
new = {}
much = {}
tall = {}
little = {}

[behaviour]""",
)
"""Other borders of `lifecycle` and a new segmentation; below, a second edit retires it, `value` and clusters."""
WITHOUT_VALUE = EDITED[: EDITED.index("[value]")].replace(" and value in (high, top)", "")


@pytest.fixture
def service(addresses: Addresses, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[LiveService]:
    service = LiveService(addresses, redis_url, prefix, tmp_path, lanes=LANES, STREAMER_CLOCK="event")
    yield service
    service.close()


def profile(customer: str, size: int) -> bytes:
    """Return a profile with custom traits."""
    body = {
        "type": "profile.updated",
        "event_id": f"profile-{customer}",
        "customer_id": customer,
        "occurred_at": iso(START + 59 * DAY_MS),
        "traits": {"custom": {"size": size, "skin": ("dry", "oily", 7)[size % 3]}},
    }
    return json.dumps(body).encode()


def key(change: Any) -> tuple[str, str, str | None, str | None]:
    """Return who moved where, from a preview's line or a published change."""

    def id(value: Any) -> str | None:
        return str(value["id"]) if isinstance(value, dict) else value

    return change["customer_id"], change["segmentation"], id(change["from"]), id(change["to"])


def test_what_was_seen_before_is_what_happens_and_nobody_is_left_behind(service: LiveService, tmp_path: Path) -> None:
    streamer = CommandLine(tmp_path, {name: v for name, v in service.environment.items() if name[:9] == "STREAMER_"})
    edited, without_value, moves = tmp_path / "edited.toml", tmp_path / "without.toml", tmp_path / "moves.jsonl"
    edited.write_text(EDITED)
    without_value.write_text(WITHOUT_VALUE)
    worker = service.start()
    shop = Shop(ShopConfig(customers=CUSTOMERS, days=60, start=START))
    *history, clock, closed = import_records(shop, "history", DayGrid(), latest=START + 400 * DAY_MS)
    keys = sorted({record.key for record in history if record.key is not None})[:90]
    profiles = [Outgoing(key, profile(key.decode(), size), history[-1].headers) for size, key in enumerate(keys)]
    service.publish([*history, *profiles, clock, closed])
    service.wait_until_applied()
    done = 0

    def activated(*arguments: str) -> list[Any]:
        """Preview and activate, check that both agree, and return the published moves."""
        nonlocal done
        seen = streamer.json("segments", "preview", *arguments, "--customers", str(moves))
        promised = [json.loads(line) for line in moves.read_text().splitlines()]
        before = len(service.changes())
        answer = streamer.json("segments", "activate", *arguments, "--yes", "--no-wait")
        assert answer == {"version": seen["version"], "activated": True, "swept": False}
        if done == 1:
            # The worker dies while the new version is applied, and another continues.
            worker.send_signal(signal.SIGKILL)
            service.start()
        done += 1
        service.wait(lambda: swept(answer["version"]))
        assert streamer.json("segments", "activate", *arguments, "--yes") == {
            "version": answer["version"],
            "activated": False,
        }
        happened = [change for change in service.changes() if change["model"]["version"] == answer["version"]]
        happened = [change for change in happened if change["cause"] == "definition_edit"]
        assert len(service.changes()) == before + len(happened)
        assert sorted(map(key, happened), key=repr) == sorted(map(key, promised), key=repr)
        counted = {name: one["moved"] for name, one in seen["segmentations"].items()}
        assert sum(counted.values()) == len(happened) > 0
        assert not any(change["automation_safe"] for change in happened)
        reasons = {key(change): [(r["feature"], r["after"]) for r in change["reasons"]] for change in happened}
        assert reasons == {key(one): [(r["feature"], r["after"]) for r in one["reasons"]] for one in promised}
        assert all(reasons.values()), "every move says why"
        again = streamer.json("segments", "preview", *arguments)
        assert again["customers"] == seen["customers"]
        assert {name: one["moved"] for name, one in again["segmentations"].items() if one["moved"]} == {}
        return happened

    def swept(version: int) -> bool:
        ledgers = service.ledgers()
        there = [one for one in ledgers if one.definitions_versions and one.definitions_versions[-1].version == version]
        return len(there) == LANES and all(one.behind == 0 for one in there)

    first = activated(str(edited))
    tall = [change for change in first if change["segmentation"] == "loud" and change["to"]["id"] == "tall"]
    assert 0 < len(tall) <= 20, "a third of those of size 40 and more, less who is loud"
    assert all(reason["feature"].startswith("custom.") for change in tall for reason in change["reasons"])
    assert {change["segmentation"] for change in first} == {"lifecycle", "loud"}
    ends = [change for change in activated(str(without_value)) if change["to"] is None]
    customers = sum(one.customers for one in service.ledgers())
    assert {change["segmentation"] for change in ends} == {"value", "loud"} and len(ends) == 2 * customers
    members = memberships(service)
    names = {one.name: {segment.id for segment in one.segments} for one in load(WITHOUT_VALUE, 3).segmentations}
    assert len(members) == customers
    for segments in members.values():
        assert segments.keys() == names.keys()
        for name, held in segments.items():
            assert held["id"] in names[name] and held["version"] == 3

    activated("--version", "1")
    assert all(segments.keys() == {"lifecycle", "value"} for segments in memberships(service).values())
    sizes = [one.sizes for one in service.ledgers()]
    assert all(not one.get("loud") for one in sizes)
    assert sum(sum(one["value"].values()) for one in sizes) == customers
    parity = service.parity()
    assert parity.differences == [] and parity.changes > 3 * customers

    answer = streamer.json("segments", "history")
    assert [(one["version"], one["source"], one.get("goes_back_to")) for one in answer["versions"]] == [
        (1, "built in", None),
        (2, "edited.toml", None),
        (3, "without.toml", None),
        (4, "built in", 1),
    ]
    assert [one["changed"] for one in answer["versions"]] == [
        {},
        {"lifecycle": "changed", "loud": "begins"},
        {"behaviour": "ends", "lifecycle": "changed", "value": "ends"} | {"loud": "ends"},
        {"behaviour": "begins", "lifecycle": "changed", "value": "begins"},
    ]
    assert answer["newest"] == {"lanes_there": LANES, "lanes": LANES, "customers_behind": 0}
    assert streamer.run("segments", "file").stdout == DEFAULT_TEXT
    assert streamer.run("segments", "file", "--version", "2").stdout == EDITED
    listed = streamer.json("segments", "list")
    assert listed["lifecycle"]["version"] == 4 and "loud" not in listed
    assert streamer.json("models", "list")["versions"] == [], "files of segmentations are no models"
    someone = next(iter(members)).decode()
    assert streamer.json("customer", "show", someone)["segments"].keys() == {"lifecycle", "value"}
    suggested = streamer.run("segments", "suggest")
    assert load(suggested.stdout, 9).names == load(DEFAULT_TEXT, 9).names and "# Suggested from" in suggested.stdout
    refused = streamer.run("segments", "preview", "--version", "9")
    assert refused.exit_code == 1 and "versions: 1, 2, 3, 4" in refused.stderr


def memberships(service: LiveService) -> dict[bytes, Any]:
    """Return the latest membership record of each customer."""
    found: dict[bytes, Any] = {}
    for lane in range(LANES):
        for record in service.records(topics.MEMBERSHIPS, lane):
            found[record.key] = json.loads(record.value)["segments"]
    return found
