"""Run the command line in tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from streamer import cli

Run = Callable[..., Result]
"""Runs ``streamer`` with arguments. ``input`` is its standard input, and ``env`` is added to the environment."""

PATIENCE_SECONDS = 60.0


class CommandLine:
    """``streamer`` with one set of variables: short commands run in this process, long ones in a child process."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        others = {name for name in os.environ if name.startswith("STREAMER_")} - set(variables)
        self._changed: dict[str, str | None] = {**variables, **dict.fromkeys(others)}
        self._env = {**{name: value for name, value in os.environ.items() if name not in others}, **variables}
        self._app = cli.build()

    def run(self, *arguments: str, input: bytes = b"") -> Result:
        """Run a command to its end."""
        return CliRunner().invoke(self._app, list(arguments), input=input, env=self._changed)

    def json(self, *arguments: str, input: bytes = b"") -> Any:
        """Run a command that succeeds, and return the JSON of its last line."""
        done = self.run(*arguments, "--json", input=input)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    @contextmanager
    def running(self, *arguments: str) -> Generator[tuple[subprocess.Popen[bytes], Path]]:
        """Run a command in the background and yield it with its output file; killed at the end of the block."""
        log = self.folder / f"{'-'.join(arguments[:1])}-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "streamer.cli", *arguments],
                env=self._env,
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )
        try:
            yield process, log
        finally:
            process.kill()
            process.wait()


def until(true: Callable[[], bool], log: Path | None = None) -> None:
    """Poll until a condition holds, or fail with the end of a log."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        tail = "" if log is None else log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, f"it did not happen in time\n{tail}"
        time.sleep(0.05)
