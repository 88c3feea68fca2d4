"""Test deploy/kubernetes: its commands, settings, ports and probes are those of the code. Needs no cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]
from command_names import parsed
from prometheus_tools import ROOT

from streamer.config.settings import Settings
from streamer.config.settings_sources import variable

FILE: Final = ROOT / "deploy" / "kubernetes" / "streamer.yaml"
OBJECTS: Final[list[dict[str, Any]]] = list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))
PORTS: Final = {
    "lanes": Settings.model_fields["metrics_port"].default,
    "owner": Settings.model_fields["owner_metrics_port"].default,
    "act": Settings.model_fields["act_metrics_port"].default,
    "web": Settings.model_fields["web_metrics_port"].default,
}


def of_kind(*kinds: str) -> Iterator[dict[str, Any]]:
    return (one for one in OBJECTS if one["kind"] in kinds)


PODS: Final = {one["metadata"]["name"]: one["spec"]["template"] for one in of_kind("Deployment", "StatefulSet", "Job")}


def test_all_processes_of_the_service_run() -> None:
    assert set(PODS) == {"streamer-topics", "streamer-lanes", "streamer-owner", "streamer-act", "streamer-web"}
    lanes = next(one for one in of_kind("Deployment") if one["metadata"]["name"] == "streamer-lanes")
    (config,) = of_kind("ConfigMap")
    assert 1 < lanes["spec"]["replicas"] <= int(config["data"]["STREAMER_LANES"])


def test_the_settings_are_ours() -> None:
    (config,) = of_kind("ConfigMap")
    names = {variable(field) for field in Settings.model_fields}
    given = {*config["data"]} | {
        one["name"] for pod in PODS.values() for one in pod["spec"]["containers"][0].get("env", [])
    }
    assert {name.removesuffix("_FILE") if name not in names else name for name in given} <= names


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_a_command_of_ours_with_bounds_and_without_rights(name: str) -> None:
    pod = PODS[name]["spec"]
    (container,) = pod["containers"]
    assert parsed(container["args"])
    assert container["resources"]["requests"].keys() == {"cpu", "memory"} and container["resources"]["limits"]["memory"]
    assert pod["securityContext"]["runAsNonRoot"] and not container["securityContext"]["allowPrivilegeEscalation"]
    there = {one["name"] for one in pod["volumes"]} | {"home"}
    assert {one["name"] for one in container["volumeMounts"]} <= there


@pytest.mark.parametrize("role", PORTS)
def test_probes_ask_the_port_of_the_metrics(role: str) -> None:
    template = PODS[f"streamer-{role}"]
    (container,) = template["spec"]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports["metrics"] == PORTS[role] == int(template["metadata"]["annotations"]["prometheus.io/port"])
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}


def test_selectors_find_their_pods() -> None:
    labels = {name: template["metadata"]["labels"] for name, template in PODS.items()}
    for one in of_kind("Deployment", "StatefulSet", "PodDisruptionBudget"):
        assert one["spec"]["selector"]["matchLabels"] == labels[one["metadata"]["name"]]
    for one in of_kind("Service"):
        assert one["spec"]["selector"] == labels[one["metadata"]["name"]]
