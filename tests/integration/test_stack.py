"""Test the services of docker-compose.yml, run by their own commands and scraped by the real Prometheus.

Every panel has data, every rule is healthy, every runbook is served, and all services end cleanly.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_tools import ROOT, load_yaml, substituted, tool

from grafana.acting import act
from grafana.build import boards, dashboard
from grafana.live import Stack, fetch
from streamer.embedded import Services

pytestmark = pytest.mark.integration

LIVE_SECONDS = 15
SHOP = ("--customers", "400", "--days", "100", "--rate", "150", "--broken", "0.02", "--late", "0.05")


@pytest.fixture(scope="module")
def stack(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    environment = {
        "STREAMER_KAFKA": services.addresses.kafka,
        "STREAMER_REDIS": services.addresses.redis,
        "STREAMER_TOPIC_PREFIX": prefix,
        "STREAMER_LANES": "4",
        "STREAMER_SESSION_SECONDS": "2",
    }
    compose = load_yaml(ROOT / "docker-compose.yml")
    folder = tmp_path_factory.mktemp("stack")
    environment["STREAMER_HOME"] = str(folder / "home")
    made = Stack(compose, environment, folder, tool("prometheus"))
    try:
        assert made.run("keys").wait(60) == 0, made.logs()
        assert made.run("topics").wait(60) == 0, made.logs()
        made.run("worker")
        made.run("worker")
        made.run("owner")
        act(made)
        made.wait(made.ready, 90, "workers have their lanes")
        made.scrape()
        made.run("shop", *SHOP)
        made.wait(lambda: lively(made), 120, "customers act live")
        time.sleep(LIVE_SECONDS)
        # The slowest figure to appear: customers of both arms must have had their two seconds.
        made.wait(lambda: made.query("query", query="streamer_act_uplift")["result"], 90, "a play is measured")
        yield made
    finally:
        made.close()


def lively(stack: Stack) -> bool:
    log = next(stack.folder.glob("shop-*.log"))
    return "live at" in log.read_text()


def values(stack: Stack, expr: str, over_time: bool) -> list[float]:
    """Return what a panel would show, without NaN."""
    now = time.time()
    expr = substituted(expr, rate_interval="5s", range="5m", segmentation="value")
    if over_time:
        found = stack.query("query_range", query=expr, start=now - 60, end=now, step="2")["result"]
        samples = [sample for series in found for _, sample in series["values"]]
    else:
        samples = [series["value"][1] for series in stack.query("query", query=expr, time=now)["result"]]
    return [value for sample in samples if math.isfinite(value := float(sample))]


def test_every_query_of_every_panel_returns_data(stack: Stack) -> None:
    empty = [
        (board.title, panel["title"], target["expr"])
        for board in boards().values()
        for panel in dashboard(board)["panels"]
        for target in panel["targets"]
        if not values(stack, target["expr"], target["range"])
    ]
    assert empty == []


def test_figures_on_the_boards_are_those_of_the_run(stack: Stack) -> None:
    def one(expr: str) -> float:
        (value,) = values(stack, expr, over_time=False)
        return value

    assert one('sum(streamer_customers_tracked{job="$job"})') > 100
    assert one('sum(abs(streamer_unaccounted_records{job="$job"}))') == 0
    assert one('sum(streamer_lanes_owned{job="$job"})') == one('max(streamer_lanes{job="$job"})') == 4
    assert one('sum(up{job="$job"})') == 4
    assert one('sum(streamer_act_messages_total{job="$job", step="planned"})') > 0
    assert one('sum(abs(streamer_act_unaccounted{job="$job"}))') == 0
    assert one('sum(streamer_lane_restore_seconds_count{job="$job"})') >= 4
    # Everybody is in exactly one of its segments.
    assert one('sum(streamer_segment_customers{job="$job", segmentation="value"})') == pytest.approx(
        one('sum(streamer_customers_tracked{job="$job"})'), abs=5
    )
    assert one('sum(streamer_net_revenue{job="$job", currency="EUR"})') > 0


def test_every_rule_is_loaded_and_well(stack: Stack) -> None:
    rules: list[dict[str, Any]] = [rule for group in stack.query("rules")["groups"] for rule in group["rules"]]
    files = sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
    written = [rule for path in files for group in load_yaml(path)["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {rule.get("alert", rule.get("record")) for rule in written}
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}
    # Nothing fires in a healthy shop, except for what the test breaks.
    firing = {rule["name"] for rule in rules if rule.get("state") == "firing"}
    assert firing <= {"DeadLettersGrowing"}


def test_every_recorded_series_has_a_value(stack: Stack) -> None:
    for rule in [rule for group in stack.query("rules")["groups"] for rule in group["rules"]]:
        if rule["type"] == "recording":
            assert values(stack, rule["name"], over_time=True), rule["name"]


def test_every_runbook_is_served_where_alerts_say(stack: Stack) -> None:
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        assert stack.get(f"/consoles/{page.name}") == (200, page.read_text(encoding="utf-8"))


def test_workers_owner_and_act_say_that_they_are_well(stack: Stack) -> None:
    assert len(stack.targets) == 4
    for target in stack.targets:
        assert fetch(f"http://{target}/healthz") == (200, "ok\n")
        assert fetch(f"http://{target}/readyz") == (200, "ok\n")
        assert "# HELP streamer_" in fetch(f"http://{target}/metrics")[1]


def test_all_end_in_good_order_on_request(stack: Stack, tmp_path: Path) -> None:
    begun = time.monotonic()
    assert {code for _, code in stack.stop(["shop"])} == {0}, stack.logs()
    assert {code for _, code in stack.stop(["worker", "owner"])} == {0}, stack.logs()
    assert time.monotonic() - begun < 20
