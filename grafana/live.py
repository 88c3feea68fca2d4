"""The stack of docker-compose.yml without Docker: its commands and settings at other addresses, and a real Prometheus.

Used by the test of the boards and for their pictures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from streamer.embedded.ports import HOST, choose

ROOT: Final = Path(__file__).parents[1]
RULES: Final = ROOT / "prometheus" / "rules"
SCRAPE_SECONDS: Final = 1
_STOP_SECONDS: Final = 30.0
_PORTS: Final = tuple(f"STREAMER_{role}METRICS_PORT" for role in ("", "OWNER_", "ACT_", "WEB_"))


@dataclass
class Stack:
    """Processes of the service and a Prometheus that scrapes them. Close it after use.

    Attributes
    ----------
    environment
        Settings of all processes; they override those of the compose file.
    folder
        Folder for logs, configuration and data.
    prometheus
        Path of the Prometheus program.
    """

    compose: Mapping[str, Any]
    environment: Mapping[str, str]
    folder: Path
    prometheus: Path
    targets: list[str] = field(default_factory=list)
    processes: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)
    url: str = ""

    def run(self, service: str, *more: str, port: int | None = None) -> subprocess.Popen[bytes]:
        """Start the command of a service; ``more`` are additional arguments, which override earlier ones.

        Its metrics use a free port, or ``port`` if that of an ended process should be reused.
        """
        declared = self.compose["services"][service]
        words = [str(word) for word in declared["command"]]
        again = port is not None
        port = choose(1)[0] if port is None else port
        command = [str(Path(sys.executable).parent / "streamer"), *words, *more]
        with (self.folder / f"{service}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self.variables(service, port),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        self.processes.append((service, process))
        if "expose" in declared and not again:
            self.targets.append(f"{HOST}:{port}")
        return process

    def variables(self, service: str, port: int = 0) -> dict[str, str]:
        """Return the environment of a service's process, which serves its metrics on ``port``."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
        # Variables that the compose file passes through have a default there and another one here.
        declared = self.compose["services"][service]["environment"]
        plain = {name: str(value) for name, value in declared.items() if "${" not in str(value)}
        ours = {"STREAMER_METRICS_HOST": HOST, "STREAMER_HOME": str(self.folder / "streamer-home")}
        return {**inherited, **plain, **ours, **{name: str(port) for name in _PORTS}, **self.environment}

    def scrape(self, rules: Path = RULES, every: str = f"{SCRAPE_SECONDS}s") -> None:
        """Start Prometheus with a folder of rules, by default the project's, for the processes that run now."""
        port = choose(1)[0]
        self.url = f"http://{HOST}:{port}"
        discovery = {"url": f"http://{self.targets[0]}/targets", "refresh_interval": every}
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rules / "*.yml")],
            # Every process lists all others.
            "scrape_configs": [{"job_name": "streamer", "http_sd_configs": [discovery]}],
        }
        # JSON is valid YAML.
        file = self.folder / "prometheus.yml"
        file.write_text(json.dumps(config))
        command = [
            str(self.prometheus),
            f"--config.file={file}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.console.templates={ROOT / 'docs' / 'runbooks'}",
            "--log.level=warn",
        ]
        with (self.folder / "prometheus.log").open("wb") as log:
            self.processes.append(("prometheus", subprocess.Popen(command, stdout=log, stderr=log)))
        self.wait(lambda: self.get("/-/ready")[0] == 200, 30, "Prometheus is ready")

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and text of a Prometheus page; status 0 if there is no answer."""
        return fetch(self.url + path)

    def query(self, path: str, **parameters: str | float) -> Any:
        """Return the data of an answer of Prometheus' API. Raises ValueError with the fault in the query."""
        status, text = self.get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(text) if text.startswith("{") else {"error": text}
        if answer.get("status") != "success":
            raise ValueError(f"{status}: {answer.get('error')}")
        return answer["data"]

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        """Poll until ``done``. Raises TimeoutError with the ends of all logs."""
        deadline = time.monotonic() + seconds
        while not done():
            ended = [name for name, process in self.processes if process.poll() not in (None, 0)]
            if ended or time.monotonic() > deadline:
                raise TimeoutError(f"not so after {seconds:g} s: {what}; ended: {ended}\n{self.logs()}")
            time.sleep(0.2)

    def ready(self) -> bool:
        """Return whether all workers and owners have their lanes."""
        return all(fetch(f"http://{target}/readyz")[0] == 200 for target in self.targets)

    def logs(self) -> str:
        """Return the last lines of each process's log."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.log")))

    def stop(self, names: Sequence[str]) -> list[tuple[str, int]]:
        """Send SIGTERM to the named services; return their exit codes."""
        chosen = [(name, process) for name, process in self.processes if name in names]
        for _, process in chosen:
            process.terminate()
        return [(name, process.wait(_STOP_SECONDS)) for name, process in chosen]

    def close(self) -> None:
        """Stop all processes that still run."""
        for _, process in self.processes:
            process.kill()
        for _, process in self.processes:
            process.wait(_STOP_SECONDS)


def fetch(url: str) -> tuple[int, str]:
    """Return the status and text of a page; status 0 if there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""
