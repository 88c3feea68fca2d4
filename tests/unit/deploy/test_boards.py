"""Test the boards: their files are what the builder makes, and everything they name exists."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_tools import ROOT, load_yaml, substituted, tool, unknown

from grafana.build import DASHBOARDS, boards, dashboard, text
from grafana.chinese import CHINESE
from grafana.words import LANGUAGES, Words
from models.messages import TABLES, Language
from schemas.changes import CAUSES
from streamer.telemetry.metrics import OUTCOMES

FILES = sorted(DASHBOARDS.glob("*/*.json"))
PROPER = {"CPU", "AUC", "Brier", "95 %", "99 %"}
"""Texts that are the same in Chinese."""
BUILT_IN = {"__rate_interval", "__range"}


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load(path)["panels"]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_what_the_builder_makes(language: Language) -> None:
    for path, board in boards(language).items():
        assert path.read_text(encoding="utf-8") == text(board, language), "run: make boards"


def test_there_is_no_other_board_and_all_languages_have_the_same_addresses() -> None:
    assert set(FILES) == {path for language in LANGUAGES for path in boards(language)}
    uids = [[load(path)["uid"] for path in boards(language)] for language in LANGUAGES]
    assert uids[0] == uids[1] and len(set(uids[0])) == len(uids[0])


def test_every_text_is_translated_and_no_translation_is_left_over() -> None:
    used = set()

    class Noting(Words):
        def __call__(self, text: str) -> str:
            used.add(text)
            return super().__call__(text)

    for board in boards().values():
        dashboard(board, Noting("zh"))
    assert {text for text in used if not text.startswith("{{")} == set(CHINESE)
    shown = re.compile("[\u4e00-\u9fff]")
    assert all(shown.search(text) for english, text in CHINESE.items() if english not in PROPER)
    for english, chinese in CHINESE.items():
        assert re.findall(r"\{\{\w+\}\}|`[^`]+`", english) == re.findall(r"\{\{\w+\}\}|`[^`]+`", chinese), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_that_have_names_are_shown_by_them(language: Language) -> None:
    board = dashboard(boards(language)[DASHBOARDS / language / "shop.json"], Words(language))
    causes = next(
        panel for panel in board["panels"] if any("{{cause}}" in one["legendFormat"] for one in panel["targets"])
    )
    named = {one["matcher"]["options"]: one["properties"][0]["value"] for one in causes["fieldConfig"]["overrides"]}
    assert named.get("time") == {"en": None, "zh": "时间"}[language]
    board = dashboard(boards(language)[DASHBOARDS / language / "quality.json"], Words(language))
    reasons = next(panel for panel in board["panels"] if "{{reason}}" in panel["targets"][0]["legendFormat"])
    named = {one["matcher"]["options"]: one["properties"][0]["value"] for one in reasons["fieldConfig"]["overrides"]}
    assert named["not_json"] == TABLES[language].texts["dead not_json"]
    board = dashboard(boards(language)[DASHBOARDS / language / "plays.json"], Words(language))
    gates = next(panel for panel in board["panels"] if "{{gate}}" in panel["targets"][0]["legendFormat"])
    patterns = {one["options"]["regex"]: one["options"]["renamePattern"] for one in gates["transformations"]}
    assert patterns["^(.*): cap$"] == f"$1: {TABLES[language].texts['gate cap']}"


def test_every_value_that_the_metrics_know_has_a_chinese_name() -> None:
    named = dict(Words("zh").values("outcome"))
    assert set(OUTCOMES) <= set(named)
    assert {id for id, _ in Words("zh").values("cause")} == CAUSES


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_panel_has_what_a_reader_needs(path: Path) -> None:
    seen = set()
    for panel in panels(path):
        assert panel["title"] and panel["title"] not in seen
        seen.add(panel["title"])
        assert panel["description"].endswith((".", "。")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"], panel["title"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_metric_label_and_variable_of_a_query_exists(path: Path) -> None:
    board = load(path)
    declared = {variable["name"] for variable in board["templating"]["list"]} | BUILT_IN
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [annotation["expr"] for annotation in board["annotations"]["list"]]
    for expr in queries:
        assert unknown(expr, set()) == [], expr
    for name in re.findall(r"\$\{?([a-z_]+)", path.read_text(encoding="utf-8")):
        assert name in declared, name
    for expr in queries:
        assert 'job="$job"' in expr, expr
        assert not re.search(r"(?<!\w)(rate|irate)\([^)]*\[(?!\$__rate_interval\])", expr), expr


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_panels_do_not_lie_upon_each_other(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(path):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_link_leads_to_a_runbook(path: Path) -> None:
    links = [link["url"] for panel in panels(path) for link in panel.get("links", [])]
    assert links
    for url in links:
        base, _, page = url.partition("/")
        assert base == "${runbooks}" and (ROOT / "docs" / "runbooks" / page).is_file(), url


def test_legends_name_labels_that_the_query_gives() -> None:
    for path in FILES:
        for panel in panels(path):
            for target in panel["targets"]:
                for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                    grouped = re.search(rf"by \([^)]*\b{label}\b", target["expr"])
                    assert grouped or (label == "instance" and "sum(" not in target["expr"]), target["expr"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_query_is_promql(path: Path, tmp_path: Path) -> None:
    queries = [substituted(target["expr"]) for panel in panels(path) for target in panel["targets"]]
    rules = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries)]
    # JSON is YAML.
    made = tmp_path / "queries.yml"
    made.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([tool("promtool"), "check", "rules", made], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_finds_boards_and_data() -> None:
    home = ROOT / "grafana" / "provisioning"
    (source,) = load_yaml(home / "datasources" / "prometheus.yml")["datasources"]
    (provider,) = load_yaml(home / "dashboards" / "streamer.yml")["providers"]
    scraped = load_yaml(ROOT / "prometheus" / "prometheus.yml")
    compose = load_yaml(ROOT / "docker-compose.yml")["services"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in compose
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    mounted = f"./grafana/dashboards/${{STREAMER_LANGUAGE:-en}}:{provider['options']['path']}:ro"
    assert mounted in compose["grafana"]["volumes"]
    for path in FILES:
        (variable,) = [v for v in load(path)["templating"]["list"] if v["type"] == "datasource"]
        assert variable["current"]["value"] == source["uid"]
