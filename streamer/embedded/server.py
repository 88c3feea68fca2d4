"""Manage one embedded server as a process: start, wait until it answers, stop, kill, restart."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path
from typing import ClassVar

from schemas.errors import UserError
from streamer.embedded import ownership, ports, processes
from streamer.embedded.parent_guard import GRACE_SECONDS

READY_SECONDS = 90.0  # a start takes 1 to 5 s, and much longer on slow disks and busy machines
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02
_LATER_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_GUARD = Path(__file__).with_name("parent_guard.py")


class Server(ABC):
    """A server of one home, running or not.

    Processes are found by their command line, so none of ours is ever lost. The ports, and whether the server was
    to be kept, are stored in ``{home}/{name}.json``. Not thread-safe.

    Parameters
    ----------
    home
        Data folder; all files of the server are below it.
    name
        Name of the server, and stem of its log ``{home}/{name}.log`` (the previous log is ``.log.1``).
    title
        Name used in messages.
    port_count
        Number of ports; clients use the first.
    """

    grace_seconds: ClassVar[float] = GRACE_SECONDS
    """Seconds for a kept server to shut down before its guard kills it."""

    def __init__(self, home: Path, name: str, title: str, port_count: int) -> None:
        self.home = home
        self.name = name
        self.title = title
        self.log = home / f"{name}.log"
        self.kept = False
        self.ports: tuple[int, ...] = ()
        self._port_count = port_count
        self._pid: int | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._ended: set[int] = set()
        self._record = home / f"{name}.json"
        self._recall()

    @abstractmethod
    def prepare(self) -> None:
        """Write settings and other files the server needs before it starts on ``self.ports``."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line, which contains :meth:`identity`."""

    @abstractmethod
    def identity(self) -> list[str]:
        """Return the arguments that identify a process as this server of this home."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether this server, and not another one on the same port, serves requests."""

    @property
    def port(self) -> int:
        """Port for clients; 0 before the first start."""
        return self.ports[0] if self.ports else 0

    @property
    def pid(self) -> int:
        """Process id of the server itself, not of its guard.

        Raises
        ------
        UserError
            The server is not running.
        """
        pid = self.find()
        if pid is None:
            raise UserError(f"{self.title} is not running", "start it with `streamer up`")
        return pid

    def find(self) -> int | None:
        """Return the process id as of one look at the processes, or None if the server is not running."""
        return self._pid if self.alive() else None

    def alive(self) -> bool:
        """Return whether the process runs. A restarted process is found and adopted."""
        if self._guard is not None:
            return self._guard.poll() is None
        pid = self._pid
        if pid is None or not (
            processes.has(processes.command_line(pid), self.identity()) or processes.is_beginning(pid)
        ):
            self._pid = next(iter(self._found()[1]), None)
        return self._pid is not None

    def alone(self) -> bool:
        """Return whether exactly one process runs, with a guard that restarts it. Several would share one data folder."""
        guards, servers = self._found()
        return len(guards) == len(servers) == 1

    def left(self) -> bool:
        """Return whether any of its processes runs, even only a guard."""
        return any(self._found())

    def _found(self) -> tuple[list[int], list[int]]:
        """Return all running guards and servers of this home, however they were started."""
        guards: list[int] = []
        servers: list[int] = []
        for pid, line in processes.running(self.identity()):
            (guards if processes.has(line, [str(_GUARD)]) else servers).append(pid)
        return guards, servers

    def launch(self, *, keep: bool, same_ports: bool = False) -> None:
        """Start the process and return at once; see :meth:`await_ready`.

        With ``keep``, the server continues when this process ends.
        """
        if not same_ports:
            self.ports = ports.choose(self._port_count, self.ports)
        self.home.mkdir(parents=True, exist_ok=True)
        ownership.claim(self.home)
        self.prepare()
        if self.log.exists():
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        mode = f"keep={self.grace_seconds:g}" if keep else "tie"
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), mode, str(self.log), *self.command()],
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # the terminal's Ctrl-C is for us; we stop the servers in order
        )
        assert guard.stdout is not None
        with guard.stdout as pipe:
            answer = pipe.readline()
        self.kept, self._guard = keep, None if keep else guard
        if keep:
            guard.wait()
        if not answer:
            self._release()
            raise UserError(f"{self.title} could not be started", f"see {self.log}")
        self._pid = int(answer)
        self._write()

    def await_ready(self, seconds: float = READY_SECONDS, *, other_ports: bool = True) -> None:
        """Wait until the server answers.

        If another program took its port meanwhile, the server is restarted on other ports.

        Raises
        ------
        UserError
            It ended or does not answer in time; the error includes the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while not self.answers():
            if not self.alive():
                self._release()
                if other_ports and self._port_was_taken():
                    self.ports = ()
                    self.launch(keep=self.kept)
                    continue
                raise UserError(f"{self.title} exited during start-up:\n{self.log_tail()}", f"see {self.log}")
            if time.monotonic() > deadline:
                raise UserError(
                    f"{self.title} does not answer after {seconds:.0f} s:\n{self.log_tail()}",
                    f"see {self.log}; if the machine is busy, try again",
                )
            time.sleep(POLL_SECONDS)
        self.watch_over()

    def watch_over(self) -> None:
        """Make the guard of a kept server restart it from now on. May be called twice."""
        if self.kept:
            for guard in self._found()[0]:
                processes.send(guard, signal.SIGUSR1)

    def begin_stop(self) -> None:
        """Ask all its processes to end and return at once; see :meth:`stop`."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            return
        self._request_end()

    def _request_end(self) -> bool:
        """Ask each of its processes once to end. Return False if there is none."""
        guards, servers = self._found()
        # A guard ends its server, and would restart a server that ended otherwise.
        for pid in set(guards or servers) - self._ended:
            processes.send(pid, signal.SIGTERM)
            self._ended.add(pid)
        return bool(guards or servers)

    def stop(self) -> None:
        """Shut down all its processes, by force some seconds after their deadline. May be called twice."""
        self.begin_stop()
        deadline = time.monotonic() + self.grace_seconds + _LATER_SECONDS
        while (self._guard is not None and self._guard.poll() is None) or self._request_end():
            if time.monotonic() > deadline:
                self.kill()
                break
            time.sleep(_LOOK_SECONDS)
        self._release()

    def kill(self) -> None:
        """Send SIGKILL and wait until the process is gone. Data and ports are kept."""
        guards, servers = self._found()
        # Guards tied to us end by themselves and report it.
        for pid in (*(guards if self._guard is None else ()), *servers):
            processes.send(pid, signal.SIGKILL)
        self._gone_within(STOP_SECONDS)
        self._release()

    def restart(self) -> None:
        """Restart the server on the same ports and data, stopping it first if it runs."""
        if self.alive():
            self.stop()
        deadline = time.monotonic() + STOP_SECONDS
        while not all(ports.is_free(port) for port in self.ports):
            if time.monotonic() > deadline:
                raise UserError(f"port {self.port} is in use by another program", "stop that program and try again")
            time.sleep(POLL_SECONDS)
        self.launch(keep=self.kept, same_ports=True)
        self.await_ready(other_ports=False)

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of the log, indented."""
        try:
            with self.log.open(errors="replace") as file:
                return "".join(f"    {line[:300].rstrip()}\n" for line in deque(file, lines)).rstrip()
        except OSError:
            return "    (no log)"

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _port_was_taken(self) -> bool:
        tail = self.log_tail(60).lower()
        return "address already in use" in tail or "failed to bind" in tail

    def _release(self) -> None:
        """Drop the reference to the ended process."""
        if self._guard is not None:
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard.wait()
        self._guard, self._pid = None, None
        self._ended.clear()
        # On a full disk the old record remains; its process id is checked against the command line before use.
        with contextlib.suppress(OSError):
            self._write()

    def _recall(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(self._record.read_text())
            self.ports = tuple(int(port) for port in stored["ports"])
            self._pid, self.kept = stored["pid"], bool(stored["kept"])

    def _write(self) -> None:
        # Without a folder there is nothing to store: `status` of a home that never existed must not create it.
        if self.home.is_dir():
            draft = self._record.with_suffix(".json.draft")
            draft.write_text(json.dumps({"pid": self._pid, "ports": self.ports, "kept": self.kept}))
            draft.replace(self._record)
