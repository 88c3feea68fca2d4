"""Test the systemd units: their commands exist, and `act` and `web` are sandboxed like the worker."""

from __future__ import annotations

import pytest
from command_names import is_command
from prometheus_tools import ROOT

WORKER, MORE = (ROOT / "deploy" / name for name in ("streamer.service", "streamer@.service"))
INSTANCES = ("act", "web")
OWN = ("Description", "After", "ExecStart")
"""What the units differ in."""


def lines(unit: str) -> list[str]:
    """Return the settings of a unit, without comments."""
    return [line for line in unit.splitlines() if "=" in line and not line.startswith("#")]


@pytest.mark.parametrize("instance", INSTANCES)
def test_the_command_of_each_instance_exists(instance: str) -> None:
    [start] = [line for line in lines(MORE.read_text()) if line.startswith("ExecStart=")]
    command = start.partition("=")[2].replace("%i", instance).removeprefix("/opt/streamer/bin/streamer ")
    assert is_command(command.split()), command


def test_the_units_differ_in_what_they_run_alone() -> None:
    shut_in = [[line for line in lines(path.read_text()) if not line.startswith(OWN)] for path in (WORKER, MORE)]
    assert shut_in[0] == shut_in[1] and "ProtectSystem=strict" in shut_in[0]
