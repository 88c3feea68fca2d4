"""Test rules and alerts: metrics and runbooks exist, names follow the convention, and promtool's tests pass."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_names import is_command
from prometheus_tools import ROOT, load_yaml, tool, unknown

from streamer.config.settings import Settings
from streamer.config.settings_sources import variable
from streamer.telemetry import thresholds

PROMETHEUS = ROOT / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def rules() -> list[dict[str, Any]]:
    return [rule for path in FILES for group in load_yaml(path)["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDED = [rule for rule in rules() if "record" in rule]
NAMES = {rule["record"] for rule in RECORDED}


def test_every_metric_and_label_of_a_rule_exists() -> None:
    assert {rule.get("alert", rule.get("record")): unknown(rule["expr"], NAMES) for rule in rules()} == {
        rule.get("alert", rule.get("record")): [] for rule in rules()
    }


def test_a_metric_or_a_label_that_does_not_exist_is_found() -> None:
    assert unknown("sum by (lan) (rate(streamer_record_total[5m]))", NAMES) == ["streamer_record_total", "lan"]
    assert unknown('streamer_lanes_owned{lane="1"}', NAMES) == ["streamer_lanes_owned['lane']"]
    assert unknown("job:streamer_x:sum > 0", NAMES) == ["job:streamer_x:sum"]


def test_recorded_names_say_level_metric_and_operation() -> None:
    for name in NAMES:
        level, metric, operation = name.split(":")
        assert metric.startswith("streamer_") and re.fullmatch(r"[a-z][a-z0-9_]*", operation), name
        assert set(re.split(r"_(?=job|segment|reason|segmentation|lane)", level)) & {"job"}, name


def test_the_alerts_that_must_exist_do() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(names) == len(set(names))
    assert set(names) >= {
        "NoEvents",
        "LagGrowing",
        "DeadLettersGrowing",
        "WorkerDown",
        "UnaccountedRecords",
        "ClockJump",
        "MoveStorm",
        "ChangeLatencyHigh",
        "LaneUnowned",
        "SegmentCollapse",
        "ActSilent",
        "MessagesOverdue",
        "BreakerOpen",
        "PlayStopped",
        "DoubtfulWaiting",
        "CouponsLow",
        "MessagesUnaccounted",
    }


@pytest.mark.parametrize("alert", ALERTS, ids=[alert["alert"] for alert in ALERTS])
def test_every_alert_says_what_and_how_bad_and_leads_to_its_runbook(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    annotations = alert["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    # Where Prometheus serves them; a test on the real one fetches each of these pages.
    assert annotations["runbook_url"] == f"{{{{ $externalURL }}}}/consoles/{alert['alert']}.md"
    page = (RUNBOOKS / f"{alert['alert']}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {alert['alert']}\n")
    for heading in ("What it means", "Where to look", "How to fix it"):
        assert f"\n## {heading}\n" in page


@pytest.mark.parametrize("name", thresholds.RULES)
def test_a_rule_has_the_thresholds_of_the_table(name: str) -> None:
    rule = next(alert for alert in ALERTS if alert["alert"] == name)
    numbers = {float(number) for number in re.findall(r"[<>]=? *(?:\([^()]*?)?([\d.]+)\b", rule["expr"])}
    numbers |= {float(number) for number in re.findall(r"\(([\d.]+) \*", rule["expr"])}
    assert set(map(float, thresholds.RULES[name])) <= numbers, rule["expr"]


def test_the_recorded_moves_leave_out_what_somebody_ordered() -> None:
    moves = next(rule for rule in RECORDED if rule["record"] == "job_segmentation:streamer_segment_changes:increase10m")
    assert f'cause!~"{"|".join(thresholds.ORDERED_CAUSES)}"' in moves["expr"]


def pages() -> list[Path]:
    return sorted(RUNBOOKS.glob("*.md"))


def test_there_is_no_runbook_without_an_alert() -> None:
    assert {page.stem for page in pages()} == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_commands_settings_and_links_of_a_runbook_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "{{" not in text, "Prometheus would take it for a template"
    quoted = re.findall(r"`([^`]+)`", text.replace("\n", " "))
    for command in [one for one in quoted if one.startswith("streamer ")]:
        assert is_command(command.split()[1:]), f"there is no {command}"
    for name in re.findall(r"STREAMER_[A-Z_]+", text):
        assert name in {variable(field) for field in Settings.model_fields}, name
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (RUNBOOKS / target).is_file(), target


def test_every_alert_is_tested_firing_and_silent_and_every_recording_by_value() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    expressions = ""
    for path in TESTS:
        for group in load_yaml(path)["tests"]:
            for case in group.get("alert_rule_test", []):
                (fires if case.get("exp_alerts") else silent).add(case["alertname"])
            expressions += "\n".join(case["expr"] for case in group.get("promql_expr_test", []))
    names = {alert["alert"] for alert in ALERTS}
    assert names - fires == set()
    # LagGrowing is silent for two of the three jobs of its test.
    assert names - silent - {"LagGrowing", "RebalanceStorm"} == set()
    assert {name for name in NAMES if name not in expressions} == set()


def test_every_rule_file_has_a_test_file() -> None:
    assert [path.name for path in TESTS] == [path.name for path in FILES]


def test_promtool_takes_configuration_and_rules() -> None:
    output = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert output.count("SUCCESS") >= 1 + len(FILES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool_tests_of_the_rules_hold(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(path))


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [tool("promtool"), *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C"}
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output
