"""Test that the next cluster move is the same on the command line, in the API's lists and downloads, and in the console."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from urllib.parse import quote

import pytest
from command_line import CommandLine
from console_pages import Visitor
from heart_models import jumpy
from live_service import LiveService
from web_process import LATEST, START, WebProcess

from models.features.time import DayGrid
from schemas.control import ControlModel
from streamer.embedded import Services
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Shop
from streamer.sources.import_records import control_record, import_records

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(services: Services, folder: Path) -> Iterator[LiveService]:
    addresses = services.addresses
    alike = jumpy(1)
    alike = replace(alike, segments=tuple(replace(one, share=0.25) for one in alike.segments))
    model = control_record(ControlModel(segmentation="behaviour", version=1, body=alike.to_dict()))
    with LiveService(addresses, f"{addresses.redis}/12", "ahead", folder, lanes=2, STREAMER_CLOCK="event") as running:
        running.start()
        shop = Shop(ShopConfig(customers=200, seed=5, days=60, start=START))
        records = import_records(shop, "ahead", DayGrid("UTC"), latest=LATEST)
        running.publish(chain(islice(records, 1), [model], records))
        running.wait_until_applied()
        yield running


def test_lists_of_a_cluster_show_the_next_move(api: WebProcess, streamer: CommandLine) -> None:
    listed = api.fitting("segments", "/v1/segments")["segmentations"]["behaviour"]["segments"]
    moving = 0
    for segment in (one["id"] for one in listed if one["size"]):
        printed = {one["id"]: one for one in streamer.json("segments", "members", f"behaviour/{segment}")}
        members = api.fitting("members", f"/v1/segments/behaviour/{quote(segment)}/members?limit=500")["members"]
        assert {
            one["customer_id"]: (one["next_move"] or {}).get("to") and (one["next_move"]["to"], one["next_move"]["at"])
            for one in members
        } == {id: one["next_segment"] and (one["next_segment"], one["next_at"]) for id, one in printed.items()}
        download = api.get(f"/v1/segments/behaviour/{quote(segment)}/members.csv")
        rows = {one["id"]: one for one in csv.DictReader(io.StringIO(download.text))}
        assert {id: (one["next_segment"], one["next_at"]) for id, one in rows.items()} == {
            id: (one["next_segment"] or "", one["next_at"] or "") for id, one in printed.items()
        }
        moving += sum(one["next_segment"] is not None for one in printed.values())
    assert moving > 100, "nobody moves, so this shows nothing"


def test_the_console_shows_the_same_move(api: WebProcess, streamer: CommandLine) -> None:
    members = [
        one
        for segment in ("busy", "looking", "steady")
        for one in api.get(f"/v1/segments/behaviour/{segment}/members?limit=500").body["members"]
        if one["next_move"] is not None
    ]
    chosen = members[0]["next_move"]
    visitor, id = Visitor(api), members[0]["customer_id"]
    shown = streamer.json("customer", "show", id)
    segment = shown["segments"]["behaviour"]["id"]
    assert shown["next_moves"]["behaviour"]["to"] == chosen["to"]
    for path in (f"/customers/{quote(id, safe='')}", f"/segments/behaviour/{quote(segment)}"):
        assert chosen["name"] in visitor.text(path), path
        assert chosen["at"][:10] in visitor.page(path), path
