"""Writes the boards as dashboard JSON:  ``python -m grafana.build``.

Classic JSON, since every Grafana from 10 on reads it and files can be provisioned with it.
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
from models.messages import TABLES
from streamer.charts.theme import LIGHT, Palette

DASHBOARDS: Final = Path(__file__).parent / "dashboards"
RUNBOOKS: Final = "http://localhost:9090/consoles"
"""Where the stack of docker-compose.yml serves the runbooks; a variable of each board, for other places."""

_WIDTH: Final = 24
_SCHEMA: Final = 39
_COLOURED: Final = ("lifecycle", "value")
_PALETTE: Final = Palette(())
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(board: Board) -> dict[str, Any]:
    """The board as Grafana reads it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
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
                "title": "Boards",
                "tags": ["streamer"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
            },
            {
                "type": "link",
                "title": "Alerts",
                "icon": "bell",
                "url": "${runbooks}/../alerts",
                "targetBlank": True,
            },
        ],
        "annotations": {"list": [_model_versions(), _alerts()]},
        "templating": {"list": list(_templating(board))},
        "panels": list(_panels(board.panels)),
    }


def _templating(board: Board) -> Iterator[dict[str, Any]]:
    yield {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
    }
    for variable in (Variable("job", "Job", "label_values(streamer_build_info, job)", "streamer"), *board.variables):
        yield {
            "type": "query",
            "name": variable.name,
            "label": variable.label,
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
        "label": "Runbooks",
        "query": RUNBOOKS,
        "current": {"text": RUNBOOKS, "value": RUNBOOKS},
        "hide": 2,
    }


def _model_versions() -> dict[str, Any]:
    expr = 'sum by (version) (streamer_model_info{job="$job"}) unless sum by (version) '
    expr += '(streamer_model_info{job="$job"} offset 1m)'
    return _annotation("Model versions", expr, "model version {{version}} in force", "blue")


def _alerts() -> dict[str, Any]:
    expr = 'max by (alertname, severity) (ALERTS{job="$job", alertstate="firing"})'
    return _annotation("Alerts", expr, "{{alertname}}", "red")


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


def _panels(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    """Row by row from the left; a row is as high as its highest panel."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > _WIDTH:
            x, y, height = 0, y + height, 0
        yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, height = x + panel.width, max(height, panel.height)


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    over_time = panel.kind == "timeseries"
    made: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "gridPos": place,
        "datasource": _DATASOURCE,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _colours(panel)},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "range": over_time,
                "instant": not over_time,
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for place, query in enumerate(panel.queries)
        ],
    }
    if panel.runbook is not None:
        url = f"${{runbooks}}/{panel.runbook}.md"
        made["links"] = [{"title": f"Runbook {panel.runbook}", "url": url, "targetBlank": True}]
    if panel.kind == "table":
        made["transformations"] = [
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {"Value": "customers"}}}
        ]
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
    """The colours that shipped segments have on every page of the service, by their names in all languages."""
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


def _options(panel: Panel) -> dict[str, Any]:
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
    return {"showHeader": True, "sortBy": [{"displayName": "customers", "desc": True}]}


def text(board: Board) -> str:
    """What stands in the board's file."""
    return json.dumps(dashboard(board), indent=2, ensure_ascii=False) + "\n"


def boards() -> dict[Path, Board]:
    """All boards by their file."""
    return {
        DASHBOARDS / f"{name}.json": board
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
    for path, board in boards().items():
        path.write_text(text(board), encoding="utf-8")


if __name__ == "__main__":
    main()
