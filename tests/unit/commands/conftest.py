"""Run the command line in this process, in an empty folder, with no settings and no server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import Run
from typer.testing import CliRunner, Result

from streamer import cli


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs ``streamer`` with arguments, ``input`` on standard input, and ``env`` added."""
    for name in list(os.environ):
        if name.startswith("STREAMER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STREAMER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    app = cli.build()

    def runs(*arguments: str, input: bytes | None = None, env: dict[str, str] | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=input, env=env)

    return runs
