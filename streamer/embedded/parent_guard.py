"""End a process together with its parent: `watch_parent` for our own workers, a program around other servers.

Standard input is a pipe whose other end only the parent holds. It reads end-of-file when the parent closes it or dies
for any reason, including SIGKILL. This works on Linux and macOS, needs no polling, and leaves no gap between
starting a child and guarding it.

The program (``python -I -S parent_guard.py tie|tie-hard|keep=SECONDS LOG COMMAND ...``) starts one server. It runs as
a file, so it imports nothing of the project. It writes the pid of the server to standard output.

``tie``: the server ends with our parent, and its exit status becomes ours. ``tie-hard`` is the same for servers that
may be killed at once.

``keep=SECONDS``: the guard goes to the background, belongs to init, and lives as long as the server. Once the starter
has signalled with SIGUSR1 that the server works, the guard restarts a server that ends, with growing pauses, until
SIGTERM; it then kills a server that has not ended after that many seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

GRACE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


def watch_parent(end: Callable[[], None]) -> None:
    """Call ``end`` from a thread when standard input closes: the parent died or wants this process to end."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    threading.Thread(target=watch, name="parent-guard", daemon=True).start()


def main(mode: str, log_path: str, command: list[str]) -> int:
    """Run the program and return the server's exit status, 128 + n if signal n ended it."""
    with open(log_path, "ab") as log:
        name, _, seconds = mode.partition("=")
        return keep(log, command, float(seconds)) if name == "keep" else tie(log, command, hard=mode == "tie-hard")


def tie(log: BinaryIO, command: list[str], *, hard: bool) -> int:
    """Run the server until it ends or standard input closes."""
    server = _start(log, command)

    def end(*_: object) -> None:
        if hard:
            server.kill()
        else:
            _terminate(server)

    signal.signal(signal.SIGTERM, end)
    watch_parent(end)
    _report(server)
    return _status(server.wait())


def keep(log: BinaryIO, command: list[str], grace_seconds: float) -> int:
    """Run the server repeatedly until SIGTERM; only once if it was never reported as working."""
    if os.fork():
        os._exit(0)  # so that the starter has no child to reap
    os.dup2(log.fileno(), 2)  # the starter reads until our output closes
    works, over = threading.Event(), threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def end(*_: object) -> None:
        over.set()
        for server in running:
            _terminate(server, grace_seconds)

    signal.signal(signal.SIGUSR1, lambda *_: works.set())
    signal.signal(signal.SIGTERM, end)
    pause = FIRST_PAUSE_SECONDS
    while True:
        begun = time.monotonic()
        running[:] = [_start(log, command)]
        if over.is_set():  # SIGTERM arrived while the server was being started
            end()
        _report(running[0])
        status = _status(running[0].wait())
        if over.is_set() or not works.is_set():
            return status
        if time.monotonic() - begun > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        log.write(f"streamer: it ended with status {status} and is started again in {pause:.0f} s\n".encode())
        log.flush()
        if over.wait(pause):
            return status
        pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)


def _start(log: BinaryIO, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _terminate(server: subprocess.Popen[bytes], grace_seconds: float = GRACE_SECONDS) -> None:
    """Terminate the server, and kill it if it does not end in time."""
    server.terminate()
    late = threading.Timer(grace_seconds, server.kill)
    late.daemon = True
    late.start()


def _report(server: subprocess.Popen[bytes]) -> None:
    """Write the pid for the process that started us, once."""
    global _reported
    if not _reported:
        os.write(1, f"{server.pid}\n".encode())
        os.close(1)
        _reported = True


def _status(status: int) -> int:
    return status if status >= 0 else 128 - status


_reported = False

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
