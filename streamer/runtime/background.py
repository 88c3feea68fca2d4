"""Keep the whole service running in the background: one supervisor with a process for each role.

``python -m streamer.runtime.background --home HOME`` is that supervisor; `Background` starts, finds and stops it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from schemas.errors import UserError
from streamer.client import presence
from streamer.embedded.home import silent
from streamer.embedded.lock import home_lock
from streamer.embedded.server import Server
from streamer.runtime import supervise
from streamer.runtime.roles import ROLES

NAME: Final = "service"
"""Name of the supervisor, and stem of its log ``service.log`` in STREAMER_HOME."""
_MODULE: Final = "streamer.runtime.background"
_LOOK_SECONDS: Final = 0.2
_ENDING_SECONDS: Final = 10.0


class Background(Server):
    """The supervisor of one home, running or not.

    Parameters
    ----------
    arguments
        Flags for worker processes, such as the addresses of embedded servers.
    """

    # Longer than the workers' own grace period.
    grace_seconds = supervise.STOP_SECONDS + 5.0

    def __init__(self, home: Path, arguments: Sequence[str] = ()) -> None:
        super().__init__(home.resolve(), NAME, "the service", 0)
        self._arguments = list(arguments)

    def prepare(self) -> None:
        """Do nothing: settings come from the environment."""

    def identity(self) -> list[str]:
        return [_MODULE, "--home", str(self.home)]

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", *self.identity(), *self._arguments]

    def answers(self) -> bool:
        """Return whether the service serves requests. The web process has the most dependencies and is therefore last."""
        return presence.url_of(self.home) is not None

    def keep(self, can_work: Callable[[], bool] = lambda: True) -> None:
        """Start the service unless it is running, so that it outlives this process.

        Parameters
        ----------
        can_work
            Returns whether its servers are running; called once no other command can stop them.

        Raises
        ------
        UserError
            The service ended (the error includes the end of its log), a web process started by hand serves this home, or the
            servers were stopped meanwhile.
        """
        # Two concurrent commands would start two supervisors, each restarting its own processes for ever.
        with home_lock(self.home, silent, session=False):
            if not can_work():
                raise UserError(
                    "Kafka and Valkey were stopped while the service was starting", "run `streamer up --all` again"
                )
            if not (self.kept and self.alive() and self.alone() and self.answers()):
                self._start()

    def _start(self) -> None:
        self.stop()
        # The processes of a killed supervisor take a moment to end.
        deadline = time.monotonic() + _ENDING_SECONDS
        while (url := presence.url_of(self.home)) is not None:
            if time.monotonic() > deadline:
                raise presence.served_already(url)
            time.sleep(_LOOK_SECONDS)
        self.launch(keep=True)
        try:
            self.await_ready()
        except BaseException:
            self.stop()
            raise


def main(arguments: list[str] | None = None) -> int:
    """Supervise a process per role until SIGTERM or SIGINT, or until one of them cannot continue."""
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description=__doc__)
    parser.add_argument("--home", required=True, help="the folder by which this process is found")
    _, flags = parser.parse_known_args(arguments)
    over: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: over.append(got))
    with supervise.workers(tuple(ROLES), flags, report=_report) as group:
        while group.alive and not over:
            time.sleep(_LOOK_SECONDS)
        return supervise.EXIT_MISTAKE if group.failed else 0


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
