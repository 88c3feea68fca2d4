"""Test docker-compose.yml: valid, and every command, variable, path and port in it exists in the code. Needs no Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from command_names import parsed
from prometheus_tools import ROOT, load_yaml

from models.messages import TABLES
from streamer.config.settings import Settings
from streamer.config.settings_sources import variable
from streamer.embedded.broker import Broker
from streamer.embedded.jars import KAFKA_VERSION

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = load_yaml(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def settings_of(service: dict[str, Any]) -> Settings:
    """Return our settings inside the container; raises UserError for an invalid name or value."""
    plain = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in service["environment"].items()}
    return Settings.load(environ=plain, folder=ROOT / "deploy")


def test_it_holds_to_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_that_a_shop_needs_is_there() -> None:
    assert set(SERVICES) == {
        "kafka",
        "valkey",
        "keys",
        "topics",
        "worker",
        "owner",
        "act",
        "web",
        "shop",
        "prometheus",
        "grafana",
    }
    assert set(OURS) == {"keys", "topics", "worker", "owner", "act", "web", "shop"}


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("keys", "keys create"),
        ("topics", "topics create"),
        ("worker", "worker"),
        ("owner", "worker"),
        ("act", "act"),
        ("web", "web"),
        ("shop", "shop"),
    ],
)
def test_every_command_is_one_of_ours_with_options_that_it_has(name: str, command: str) -> None:
    found, parameters = parsed([str(word) for word in OURS[name]["command"]])
    assert found == command
    if name in ("worker", "owner"):
        assert parameters["role"] == ("owner" if name == "owner" else "lanes")
    if name in ("worker", "owner", "act"):
        assert parameters["supervised"] is False, "a restarted container is the supervisor"


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_value_that_is_allowed(name: str) -> None:
    found = settings_of(OURS[name])
    assert found.kafka == "kafka:19092" and found.redis == "redis://valkey:6379/0"
    assert not any("STREAMER" in key and key not in known() for key in OURS[name]["environment"])


def known() -> set[str]:
    return {variable(field) for field in Settings.model_fields}


def test_variables_that_are_passed_through_have_defaults() -> None:
    for name in re.findall(r"\$\{(\w+)(?!\w*:-)\}", FILE.read_text()):
        pytest.fail(f"{name} has no default, so `docker compose up` would warn and set nothing")


def test_ports_agree_between_settings_health_checks_and_prometheus() -> None:
    worker, owner, act, web = (settings_of(OURS[name]) for name in ("worker", "owner", "act", "web"))
    scraped = load_yaml(ROOT / "prometheus" / "prometheus.yml")["scrape_configs"][0]
    assert {one["names"][0]: one["port"] for one in scraped["dns_sd_configs"]} == {
        "worker": worker.metrics_port,
        "owner": owner.owner_metrics_port,
        "act": act.act_metrics_port,
        "web": web.web_metrics_port,
    }
    assert scraped["job_name"] == "streamer"
    assert OURS["worker"]["expose"] == [str(worker.metrics_port)]
    assert OURS["owner"]["expose"] == [str(owner.owner_metrics_port)]
    assert OURS["act"]["expose"] == [str(act.act_metrics_port)]
    assert OURS["web"]["expose"] == [str(web.web_metrics_port)]
    assert {one.metrics_host for one in (worker, owner, act, web)} == {"0.0.0.0"}
    assert f"127.0.0.1:{act.act_metrics_port}/healthz" in OURS["act"]["healthcheck"]["test"][-1]
    assert f"127.0.0.1:{web.web_port}/healthz" in OURS["web"]["healthcheck"]["test"][-1]
    # It listens where the port is published from, and links lead to that port.
    assert web.web_host == "0.0.0.0" and OURS["web"]["ports"] == [
        f"${{BIND:-127.0.0.1}}:${{WEB_PORT:-8480}}:{web.web_port}"
    ]
    assert f"127.0.0.1:{worker.metrics_port}/healthz" in (ROOT / "Dockerfile").read_text()
    assert f"127.0.0.1:{owner.owner_metrics_port}/healthz" in OURS["owner"]["healthcheck"]["test"][-1]


def test_workers_can_be_many() -> None:
    worker = OURS["worker"]
    assert worker["deploy"]["replicas"] >= 2
    # Either would let only one of them start.
    assert "container_name" not in worker and "ports" not in worker


def test_ports_are_published_to_this_machine_unless_somebody_says_otherwise() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(str(port).startswith("${BIND:-127.0.0.1}:") for port in published)
    # Kafka refers clients to the name that it advertises.
    assert "HOST://${KAFKA_HOST:-localhost}:" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_simulated_shop_comes_only_where_it_is_asked_for() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"shop"}
    assert SERVICES["shop"]["profiles"] == ["demo"]
    assert all("shop" not in service.get("depends_on", {}) for service in SERVICES.values())


def test_every_mounted_file_exists_and_every_volume_is_declared() -> None:
    named = set()
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source, target, *mode = mount.replace("${STREAMER_LANGUAGE:-en}", "en").split(":")
            assert PurePosixPath(target).is_absolute()
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
                assert mode == ["ro"], mount
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"]) == {"kafka", "valkey", "home", "prometheus", "grafana"}


def test_all_of_ours_share_a_home_that_their_user_may_write_and_that_stays() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    home = next(word.partition("=")[2] for word in dockerfile.split() if word.startswith("STREAMER_HOME="))
    # A named volume takes owner and mode of the folder in the image.
    user = next(line.split()[1] for line in dockerfile.splitlines() if line.startswith("USER"))
    assert "--owner=streamer" in dockerfile and f"--mode=700 {home}" in dockerfile
    assert f"useradd --uid {user.partition(':')[0]}" in dockerfile
    for service in OURS.values():
        assert f"home:{home}" in service["volumes"]
        assert "STREAMER_HOME" not in service["environment"]
    # The control key is created in it before anything else starts.
    assert SERVICES["topics"]["depends_on"]["keys"]["condition"] == "service_completed_successfully"


def test_services_wait_for_what_they_need_and_that_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, wanted in service.get("depends_on", {}).items():
            condition = wanted["condition"]
            if condition == "service_healthy":
                checked = SERVICES[other].get("healthcheck", {})
                assert not checked.get("disable") and (checked or other == "worker"), f"{name} on {other}"
            else:
                assert condition == "service_completed_successfully" and SERVICES[other]["restart"] == "no"


def test_every_service_comes_back_but_those_that_end() -> None:
    restarts = {name: service["restart"] for name, service in SERVICES.items()}
    assert restarts.pop("topics") == restarts.pop("keys") == "no"
    assert set(restarts.values()) == {"unless-stopped"}


def test_images_are_pinned_and_kafka_is_the_one_that_tests_run_on() -> None:
    for name, service in SERVICES.items():
        repository, _, tag = service["image"].partition(":")
        assert repository and tag not in ("", "latest"), name
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_valkey_keeps_what_it_has() -> None:
    words = SERVICES["valkey"]["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--appendonly"] == "yes" and options["--maxmemory-policy"] == "noeviction"


def test_kafka_is_reached_by_the_name_that_it_advertises() -> None:
    variables = SERVICES["kafka"]["environment"]
    advertised = dict(one.split("://") for one in variables["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = dict(one.split("://") for one in variables["KAFKA_LISTENERS"].split(","))
    assert advertised["INSIDE"] == settings_of(OURS["worker"]).kafka
    assert listening["INSIDE"] == ":19092" and listening["HOST"] == ":9092"
    assert listening["CONTROLLER"][1:] == variables["KAFKA_CONTROLLER_QUORUM_VOTERS"].rpartition(":")[2]
    protocols = dict(one.split(":") for one in variables["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(protocols) == set(listening) == set(advertised) | {"CONTROLLER"}
    assert variables["KAFKA_LOG_DIRS"] == SERVICES["kafka"]["volumes"][0].split(":")[1]
    # A worker's session must be one that the broker allows.
    shortest = int(variables["KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS"]) / 1000
    assert settings_of(OURS["worker"]).session_seconds >= shortest


def test_every_variable_of_kafka_is_a_setting_that_the_embedded_one_has_too(tmp_path: Path) -> None:
    embedded = Broker(tmp_path)
    embedded.ports = (1, 2)
    known = embedded.properties()
    variables = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_")
    }
    assert variables.keys() <= known.keys()
    places = {"listener", "advertised", "controller", "inter", "log"}
    alike = {name: value for name, value in variables.items() if name.split(".")[0].removesuffix("s") not in places}
    assert len(alike) >= 10
    assert alike == {name: known[name] for name in alike}


def test_grafana_opens_with_the_board_and_without_accounts() -> None:
    variables = SERVICES["grafana"]["environment"]
    home = PurePosixPath(variables["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    for language in TABLES:
        assert (ROOT / "grafana" / "dashboards" / language / home.name).is_file()
    assert f"./grafana/dashboards/${{STREAMER_LANGUAGE:-en}}:{home.parent}:ro" in SERVICES["grafana"]["volumes"]
    assert variables["GF_AUTH_ANONYMOUS_ENABLED"] == "true" and variables["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert variables["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def test_prometheus_serves_the_runbooks() -> None:
    consoles = [word.partition("=")[2] for word in SERVICES["prometheus"]["command"] if "console.templates" in word]
    assert f"./docs/runbooks:{consoles[0]}:ro" in SERVICES["prometheus"]["volumes"]
