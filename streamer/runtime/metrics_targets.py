"""List the processes of a home that serve metrics, so that a Prometheus on the same machine finds all of them.

Each process that serves ``/metrics`` writes its address to a file named after its process id. Each answers ``/targets``
with the addresses of all live processes, in the format of Prometheus' HTTP service discovery.
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
    """The addresses of a home, including this process's own.

    Parameters
    ----------
    home
        Folder that the processes share (``STREAMER_HOME``).
    host, port
        Address at which this process listens.
    """

    def __init__(self, home: Path, host: str, port: int) -> None:
        self._folder = home / _FOLDER
        self._own = address(host, port)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / str(os.getpid())
            # Write it in one piece: a Prometheus that reads half an address rejects the whole list.
            draft = path.with_suffix(".draft")
            draft.write_text(self._own)
            draft.replace(path)
        except OSError as error:
            # With a read-only home, Prometheus must list the process in its settings, as under compose.
            log.info("failed to list this process as a metrics target", reason=str(error))
        # Where no Prometheus asks, processes that start again and again would leave files without end.
        self.addresses()

    def addresses(self) -> list[str]:
        """Return ``host:port`` of each live process, in order. Removes the files of dead processes."""
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
                # Another process removed it, or it belongs to another user.
                continue
        return sorted(found)


def address(host: str, port: int) -> str:
    """Return the address at which a program on this machine reaches a listener.

    >>> address("0.0.0.0", 9464), address("::1", 9464)
    ('127.0.0.1:9464', '[::1]:9464')
    """
    reached = _ANY_ADDRESS.get(host, f"[{host}]" if ":" in host else host)
    return f"{reached}:{port}"
