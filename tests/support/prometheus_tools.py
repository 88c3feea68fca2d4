"""Run Prometheus and promtool in tests, and parse expressions."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from ruamel.yaml import YAML

from grafana.tools import MissingTool, find
from streamer.act.metrics import ACT_METRICS
from streamer.telemetry.metrics import BY_NAME, PREFIX
from streamer.web.metrics import WEB_METRICS

ROOT = Path(__file__).parents[2]
_SELECTOR = re.compile(
    r"\b([a-z_:][a-z0-9_:]*)\{([^}]*)\}|\b((?:streamer|process)_[a-z0-9_]+|[a-z_]+:streamer_[a-z0-9_:]+)\b"
)
_LABEL = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|on|group_left|without|ignoring)\s*\(([^)]*)\)")
_MADE = re.compile(r'"(\w+)", "\$1", "\w+", ')
"""A label that `label_replace` adds."""
_SERIES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
ADDED = {"job", "instance", "le", "alertname", "alertstate", "severity"}
"""Labels that Prometheus adds."""


def tool(name: Literal["prometheus", "promtool"]) -> Path:
    """Return the program. Without it the test is skipped, except on CI, where it fails."""
    try:
        return find(name)
    except MissingTool as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {name}: {error}")
        pytest.skip(f"no {name}: {error}")


def load_yaml(path: Path) -> Any:
    """Return a YAML file as plain values."""
    return YAML(typ="safe").load(path)


def substituted(expr: str, rate_interval: str = "1m", range: str = "30m", segmentation: str = "value") -> str:
    """Return an expression of a board as Grafana sends it."""
    for name, value in (
        ("$__rate_interval", rate_interval),
        ("$__range", range),
        ("$segmentation", segmentation),
        ("$job", "streamer"),
    ):
        expr = expr.replace(name, value)
    return expr


def series() -> dict[str, set[str]]:
    """Return the names of the series in the table of metrics, with their labels."""
    return {
        metric.full_name + suffix: set(metric.labels)
        for metric in (*BY_NAME.values(), *ACT_METRICS, *WEB_METRICS)
        for suffix in _SERIES[metric.kind]
    }


def unknown(expr: str, recorded: set[str]) -> list[str]:
    """Return metrics and labels of an expression that do not exist."""
    known = series()
    every_label = set().union(*known.values()) | ADDED | set(_MADE.findall(expr))
    found = []
    for selector in _SELECTOR.finditer(expr):
        name = selector[1] or selector[3]
        labels = set(_LABEL.findall(selector[2] or ""))
        if name.startswith(PREFIX):
            if name not in known:
                found.append(name)
            elif labels - known[name] - ADDED:
                found.append(f"{name}{sorted(labels - known[name] - ADDED)}")
        elif ":" in name and name not in recorded:
            found.append(name)
    for labels_of in _GROUPING.findall(expr):
        found += [label for part in labels_of.split(",") if (label := part.strip()) and label not in every_label]
    return found
