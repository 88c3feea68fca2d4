"""Writes the boards as dashboard JSON, a folder for each language: ``python -m grafana.build``.

The format is classic JSON, since every Grafana from 10 on reads it and can provision it from files. The boards of all
languages have the same addresses, so a Grafana must use only one of the folders.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from grafana.board import Board, Panel, Variable
from grafana.model import MODEL
from grafana.pipeline import PIPELINE
from grafana.plays import PLAYS
from grafana.predictions import PREDICTIONS
from grafana.quality import QUALITY
from grafana.segments import SEGMENTS
from grafana.shop import SHOP
from grafana.words import ENGLISH, LANGUAGES, Words
from models.messages import TABLES, Language
from streamer.charts.theme import LIGHT, Palette

DASHBOARDS: Final = Path(__file__).parent / "dashboards"
RUNBOOKS: Final = "http://localhost:9090/consoles"
"""Runbook address of the stack of docker-compose.yml; a dashboard variable, so that it can be changed."""

_WIDTH: Final = 24
_SCHEMA: Final = 39
_COLOURED: Final = ("lifecycle", "value")
_PALETTE: Final = Palette(())
_ALONE: Final = re.compile(r"\{\{(\w+)\}\}")
_SECOND: Final = re.compile(r"\{\{\w+\}\}: \{\{(\w+)\}\}")
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(board: Board, words: Words = ENGLISH) -> dict[str, Any]:
    """Return the board as Grafana's dashboard JSON."""
    return {
        "uid": board.uid,
        "title": words(board.title),
        "description": words(board.description),
        "tags": ["streamer"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": board.since, "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "type": "dashboards",
                "title": words("Boards"),
                "tags": ["streamer"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
            },
            {
                "type": "link",
                "title": words("Alerts"),
                "icon": "bell",
                "url": "${runbooks}/../alerts",
                "targetBlank": True,
            },
        ],
        "annotations": {"list": [_model_versions(words), _alerts(words)]},
        "templating": {"list": list(_templating(board, words))},
        "panels": list(_panels(board.panels, words)),
    }


def _templating(board: Board, words: Words) -> Iterator[dict[str, Any]]:
    yield {
        "type": "datasource",
        "name": "datasource",
        "label": words("Data source"),
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
    }
    for variable in (Variable("job", "Job", "label_values(streamer_build_info, job)", "streamer"), *board.variables):
        yield {
            "type": "query",
            "name": variable.name,
            "label": words(variable.label),
            "datasource": _DATASOURCE,
            "definition": variable.query,
            "query": {"query": variable.query, "refId": variable.name},
            "current": {"text": variable.default, "value": variable.default},
            "includeAll": False,
            "multi": False,
            "refresh": 2,
            "sort": 1,
            "hide": 0,
        }
    yield {
        "type": "textbox",
        "name": "runbooks",
        "label": words("Runbooks"),
        "query": RUNBOOKS,
        "current": {"text": RUNBOOKS, "value": RUNBOOKS},
        "hide": 2,
    }


def _model_versions(words: Words) -> dict[str, Any]:
    expr = 'sum by (version) (streamer_model_info{job="$job"}) unless sum by (version) '
    expr += '(streamer_model_info{job="$job"} offset 1m)'
    return _annotation(words("Model versions"), expr, words("model version {{version}} in force"), "blue")


def _alerts(words: Words) -> dict[str, Any]:
    expr = 'max by (alertname, severity) (ALERTS{job="$job", alertstate="firing"})'
    return _annotation(words("Alerts"), expr, "{{alertname}}", "red")


def _annotation(name: str, expr: str, title: str, color: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": _DATASOURCE,
        "enable": True,
        "expr": expr,
        "iconColor": color,
        "step": "15s",
        "titleFormat": title,
    }


def _panels(panels: Sequence[Panel], words: Words) -> Iterator[dict[str, Any]]:
    """Yield the panels row by row from the left; a row is as high as its highest panel."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _WIDTH:
            x, y, height = 0, y + height, 0
        yield _panel(panel, words, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, height = x + panel.width, max(height, panel.height)


def _panel(panel: Panel, words: Words, number: int, place: dict[str, int]) -> dict[str, Any]:
    over_time = panel.kind == "timeseries"
    made: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": words(panel.title),
        "description": words(panel.description),
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [*_colours(panel), *_names(panel, words)]},
        "options": _options(panel, words),
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": words(query.legend) if query.legend else "__auto",
                "range": over_time,
                "instant": not over_time,
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for place, query in enumerate(panel.queries)
        ],
    }
    if panel.runbook is not None:
        url = f"${{runbooks}}/{panel.runbook}.md"
        made["links"] = [{"title": f"{words('Runbook')} {panel.runbook}", "url": url, "targetBlank": True}]
    if panel.kind == "table":
        renamed = {name: words(title) for name, title in panel.columns.items()}
        made["transformations"] = [
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": renamed}}
        ]
    elif renames := list(_renames(panel, words)):
        made["transformations"] = renames
    return made


def _defaults(panel: Panel) -> dict[str, Any]:
    made: dict[str, Any] = {"unit": panel.unit}
    if panel.kind == "timeseries":
        made["color"] = {"mode": "palette-classic-by-name"}
        made["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 40 if panel.stacked else 10,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
    elif panel.zero_is_good:
        made["color"] = {"mode": "thresholds"}
        steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
        made["thresholds"] = {"mode": "absolute", "steps": steps}
    else:
        made["color"] = {"mode": "fixed", "fixedColor": "blue"}
    return made


def _colours(panel: Panel) -> list[dict[str, Any]]:
    """Return the colours of shipped segments, by their names in all languages, as on the other pages of the service."""
    if not any("{{name}}" in query.legend for query in panel.queries):
        return []
    made = []
    for segmentation, id in TABLES["en"].segments:
        if segmentation in _COLOURED:
            names = sorted({re.escape(table.segments[segmentation, id].name) for table in TABLES.values()})
            colour = {"mode": "fixed", "fixedColor": LIGHT[_PALETTE[id]]}
            made.append(
                {
                    "matcher": {"id": "byRegexp", "options": f"/^({'|'.join(names)})$/"},
                    "properties": [{"id": "color", "value": colour}],
                }
            )
    return made


def _names(panel: Panel, words: Words) -> Iterator[dict[str, Any]]:
    """Yield the renaming rules that show names instead of ids in series with a single label."""
    for label in {match[1] for query in panel.queries if (match := _ALONE.fullmatch(query.legend))}:
        for id, name in words.values(label):
            if id != name:
                matcher = {"id": "byName", "options": id}
                yield {"matcher": matcher, "properties": [{"id": "displayName", "value": name}]}


def _renames(panel: Panel, words: Words) -> Iterator[dict[str, Any]]:
    """Yield the renaming rules for series with another label in front."""
    for label in {match[1] for query in panel.queries if (match := _SECOND.fullmatch(query.legend))}:
        for id, name in words.values(label):
            if id != name:
                yield {
                    "id": "renameByRegex",
                    "options": {"regex": f"^(.*): {re.escape(id)}$", "renamePattern": f"$1: {name}"},
                }


def _options(panel: Panel, words: Words) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "stat":
        return {"colorMode": "value", "graphMode": "none", "textMode": "auto", "reduceOptions": last}
    if panel.kind == "bargauge":
        return {"displayMode": "basic", "orientation": "horizontal", "valueMode": "color", "reduceOptions": last}
    return {"showHeader": True, "sortBy": [{"displayName": words("customers"), "desc": True}]}


def text(board: Board, language: Language) -> str:
    """Return the text of the board's file."""
    return json.dumps(dashboard(board, Words(language)), indent=2, ensure_ascii=False) + "\n"


def boards(language: Language = "en") -> dict[Path, Board]:
    """Return all boards by their file in a language."""
    return {
        DASHBOARDS / language / f"{name}.json": board
        for name, board in (
            ("shop", SHOP),
            ("segments", SEGMENTS),
            ("model", MODEL),
            ("predictions", PREDICTIONS),
            ("quality", QUALITY),
            ("pipeline", PIPELINE),
            ("plays", PLAYS),
        )
    }


def main() -> None:
    """Write all boards."""
    for language in LANGUAGES:
        for path, board in boards(language).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text(board, language), encoding="utf-8")


if __name__ == "__main__":
    main()
