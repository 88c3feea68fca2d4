"""Pictures of the boards, drawn from the results of their queries in a live run: ``make pictures``.

It starts the service with the commands of docker-compose.yml on embedded servers, runs a simulated shop for a while,
and writes ``docs/pictures/*.svg``. It needs Prometheus (see ``grafana/tools.py``), and takes about two minutes.
"""

from __future__ import annotations

import argparse
import math
import re
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from grafana import draw
from grafana.acting import act
from grafana.build import boards, dashboard
from grafana.draw import Series
from grafana.live import ROOT, Stack
from grafana.tools import find
from streamer.embedded import running

PICTURES: Final = ROOT / "docs" / "pictures"
_SHOP: Final = ("--customers", "1500", "--days", "120", "--rate", "120", "--broken", "0.005", "--late", "0.005")
_STEP: Final = 2
_VARIABLES: Final = {"$__rate_interval": "10s", "$__range": "5m", "$segmentation": "lifecycle", "$job": "streamer"}


def main() -> None:
    """Run the service, draw the boards, and write the pictures."""
    parser = argparse.ArgumentParser(prog="python -m grafana.pictures", description=__doc__)
    parser.add_argument("--seconds", type=float, default=75.0, help="how long the shop lives before the picture")
    seconds = parser.parse_args().seconds
    prometheus = find("prometheus")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="streamer-pictures-") as name:
        folder = Path(name)
        with running(folder / "home", progress=print) as servers:
            environment = {
                "STREAMER_KAFKA": servers.addresses.kafka,
                "STREAMER_REDIS": servers.addresses.redis,
                "STREAMER_LANES": "4",
            }
            compose = YAML(typ="safe").load(ROOT / "docker-compose.yml")
            stack = Stack(compose, environment, folder, prometheus)
            try:
                begun = _live(stack, seconds)
                for path, board in boards().items():
                    panels = dashboard(board)["panels"]
                    answers = [_answers(stack, panel, begun) for panel in panels]
                    file = PICTURES / f"{path.stem}.svg"
                    file.write_text(draw.board(board.title, panels, answers), encoding="utf-8")
                    print(f"wrote {file.relative_to(ROOT)}")
            finally:
                stack.close()


def _live(stack: Stack, seconds: float) -> float:
    """Start all processes and run the shop; return when Prometheus began to scrape (s since the epoch)."""
    if stack.run("topics").wait(60) != 0:
        raise RuntimeError(stack.logs())
    for service in ("worker", "worker", "owner"):
        stack.run(service)
    act(stack)
    stack.wait(stack.ready, 90, "workers have their lanes")
    stack.scrape()
    begun = time.time()
    stack.run("shop", *_SHOP)
    log = next(stack.folder.glob("shop-*.log"))
    stack.wait(lambda: "live at" in log.read_text(), 180, "customers act live")
    print(f"the shop lives for {seconds:g} s")
    time.sleep(seconds)
    return begun


def _answers(stack: Stack, panel: dict[str, Any], begun: float) -> list[Series]:
    """Return the series of all queries of a panel, named like in Grafana."""
    now = math.floor(time.time())
    found: list[Series] = []
    for target in panel["targets"]:
        expr = target["expr"]
        for variable, meaning in _VARIABLES.items():
            expr = expr.replace(variable, meaning)
        if target["range"]:
            rows = stack.query("query_range", query=expr, start=begun, end=now, step=_STEP)["result"]
        else:
            rows = [{**row, "values": [row["value"]]} for row in stack.query("query", query=expr, time=now)["result"]]
        for row in rows:
            points = [(float(at), value) for at, raw in row["values"] if math.isfinite(value := float(raw))]
            if points:
                found.append(Series(_name(panel, target["legendFormat"], row["metric"]), points))
    return found


def _name(panel: dict[str, Any], legend: str, labels: dict[str, str]) -> str:
    name = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), legend)
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"] == {"id": "byName", "options": name}:
            return str(one["properties"][0]["value"])
    for one in panel.get("transformations", ()):
        if one["id"] == "renameByRegex" and (found := re.fullmatch(one["options"]["regex"], name)):
            return str(one["options"]["renamePattern"].replace("$1", found[1]))
    return name


if __name__ == "__main__":
    main()
