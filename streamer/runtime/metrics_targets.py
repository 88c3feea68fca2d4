"""Which processes of one home serve metrics, so that a Prometheus on the same machine finds all of them.

Each process that serves ``/metrics`` leaves its address in a file named by its process id. Any of them answers
``/targets`` with the addresses of all that live, as Prometheus' HTTP service discovery asks for them.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from streamer.embedded.processes import command_line

log = structlog.get_logger(__name__)

_FOLDER = "metrics"
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


class MetricsTargets:
    """The addresses of a home, ours among them.

    Parameters
    ----------
    home
        The folder that the processes share (``STREAMER_HOME``).
    host, port
        Where this process listens.
    """

    def __init__(self, home: Path, host: str, port: int) -> None:
        self._folder = home / _FOLDER
        self._own = address(host, port)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / str(os.getpid())).write_text(self._own)
        except OSError as error:
            # A home that cannot be written is found by the settings of Prometheus, as in compose.
            log.info("this process cannot be found through others", reason=str(error))

    def addresses(self) -> list[str]:
        """``host:port`` of each process that lives, in order; files of processes that are gone are removed."""
        found = {self._own}
        for path in self._folder.glob("[0-9]*"):
            try:
                pid = int(path.name)
                if pid == os.getpid():
                    continue
                if "streamer" in command_line(pid):
                    found.add(path.read_text())
                else:
                    path.unlink()
            except (OSError, ValueError):
                # Another process removed it, or it is none of ours.
                continue
        return sorted(found)


def address(host: str, port: int) -> str:
    """Where a program on this machine reaches what listens there.

    >>> address("0.0.0.0", 9464), address("::1", 9464)
    ('127.0.0.1:9464', '[::1]:9464')
    """
    reached = _ANY_ADDRESS.get(host, f"[{host}]" if ":" in host else host)
    return f"{reached}:{port}"
