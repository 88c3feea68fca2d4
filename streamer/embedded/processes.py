"""Find processes of this machine by their command lines."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_PROC = Path("/proc")


def running(arguments: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield process ids and command lines that contain these arguments in sequence, except our own process."""
    for pid, line in _all():
        if pid != os.getpid() and has(line, arguments):
            yield pid, line


def has(line: str, arguments: Sequence[str]) -> bool:
    r"""Return whether a command line contains these arguments in sequence.

    >>> has("valkey-server\0--dir\0/a/redis\0", ["--dir", "/a/redis"]), has("ls\0/a/redis2\0", ["/a/redis"])
    (True, False)
    """
    separator = "\0" if "\0" in line else " "
    wanted = separator + separator.join(arguments) + separator
    return wanted in separator + line.rstrip(separator) + separator


def command_line(pid: int) -> str:
    """Return a running process's command line; empty if there is none, or only a zombie.

    Each argument ends with NUL where the system separates them (Linux), otherwise with a blank.
    """
    if (_PROC / "self").exists():
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    found = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def is_beginning(pid: int) -> bool:
    """Return whether a process exists whose command line is not readable yet, as happens briefly after its start on Linux."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in "ZX" and not command_line(pid)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have ended or may belong to another user."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _all() -> Iterator[tuple[int, str]]:
    if (_PROC / "self").exists():
        pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
        yield from ((pid, line) for pid in pids if (line := command_line(pid)))
        return
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
    for row in listed.stdout.splitlines():
        pid, _, line = row.strip().partition(" ")
        if pid.isdigit():
            yield int(pid), line.strip()
