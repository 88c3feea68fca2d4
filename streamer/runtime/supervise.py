"""Run worker processes and restart them when they stop with an error that a restart can fix.

A worker that is fenced, or no longer knows its state, ends itself (``app.fatal``); the system may also kill one.
Children end with their supervisor, even on SIGKILL, as the embedded servers do (``embedded/parent_guard.py``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from streamer.embedded.parent_guard import watch_parent

EXIT_MISTAKE: Final = 78
"""Exit code of a worker that a restart does not help, for example with a wrong setting."""

EXIT_FENCED: Final = 71
EXIT_UNKNOWN: Final = 72
"""Exit codes of a worker whose lane was taken over, and of one whose transaction has an unknown outcome."""

EXIT_STUCK: Final = 73
"""Exit code of a worker whose lane had work but made no progress."""

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 10.0
HEALTHY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_SHOWN_LINES: Final = 12


def pause_after(pause: float | None, lived_seconds: float) -> float:
    """Return the seconds to wait before the next start. ``pause`` is the wait before the last start, None at first.

    >>> pause_after(None, 1.0), pause_after(0.2, 1.0), pause_after(8.0, 1.0), pause_after(8.0, 61.0)
    (0.2, 0.4, 10.0, 0.2)
    """
    if pause is None or lived_seconds >= HEALTHY_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(LONGEST_PAUSE_SECONDS, 2 * pause)


class Child:
    """A worker process, kept running by its own thread until `stop` or until it ends for good.

    Attributes
    ----------
    starts
        Number of starts.
    exit_code
        The last exit code, negative for a signal; None before the process first ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.starts = 0
        self.exit_code: int | None = None
        self._command = list(command)
        self._env = {**os.environ, **(env or {})}
        self._output = output
        self._report = report
        self._ends: Counter[int] = Counter()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id, or None while there is no process."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def over(self) -> bool:
        """Whether the process ended and will not be restarted."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start the process and return at once."""
        self._spawn()
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask the process to end (SIGTERM) and return at once."""
        with self._lock:
            self._stopping.set()
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait until the process is gone. Kill it at ``deadline`` (monotonic seconds)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join()

    def _spawn(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            self.starts += 1
            self._process = subprocess.Popen(
                [*self._command, *self._ended()],
                env=self._env,
                stdin=subprocess.PIPE,  # its end of file tells the child that we are gone
                stdout=self._output if self._output is not None else sys.stderr.fileno(),
                stderr=self._output,
                start_new_session=True,  # the terminal's Ctrl-C is for us; we stop the children in order
            )

    def _ended(self) -> list[str]:
        """Return flags with the outcomes of earlier transactions, so that the next process continues the metric."""
        flags = {"--fenced": self._ends[EXIT_FENCED], "--unknown": self._ends[EXIT_UNKNOWN]}
        return [text for flag, count in flags.items() if count for text in (flag, str(count))]

    def _keep(self) -> None:
        pause: float | None = None
        while (process := self._process) is not None:
            started = time.monotonic()
            self.exit_code = code = process.wait()
            self._ends[code] += 1
            if process.stdin is not None:
                process.stdin.close()
            if self._stopping.is_set() or code in (0, EXIT_MISTAKE):
                return
            pause = pause_after(pause, time.monotonic() - started)
            self._report(f"a worker ended ({_named(code)}); it is started again in {pause:g} s")
            if self._stopping.wait(pause):
                return
            self._spawn()


class Workers:
    """Worker processes of one supervisor."""

    def __init__(self, children: Mapping[str, Child], log_path: Path | None = None) -> None:
        self._children = dict(children)
        self._log_path = log_path

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids by role; None for a process being restarted."""
        return {role: child.pid for role, child in self._children.items()}

    @property
    def restarts(self) -> int:
        """Number of restarts of all workers."""
        return sum(child.starts - 1 for child in self._children.values())

    @property
    def alive(self) -> bool:
        """Whether all workers are running or about to be restarted."""
        return not any(child.over for child in self._children.values())

    @property
    def failed(self) -> bool:
        """Whether a worker gave up because a restart would not help."""
        return any(child.over and child.exit_code == EXIT_MISTAKE for child in self._children.values())

    def log_tail(self) -> str:
        """Return the last lines of the workers' log, for error messages; empty if they write to our own stderr."""
        if self._log_path is None:
            return ""
        with contextlib.suppress(OSError):
            return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-_SHOWN_LINES:])
        return ""

    def start(self) -> None:
        for child in self._children.values():
            child.start()

    def stop(self) -> None:
        """Stop all workers gracefully, or by force after 20 s. May be called twice."""
        for child in self._children.values():
            child.begin_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children.values():
            child.wait(deadline)


@contextmanager
def workers(
    roles: Sequence[str],
    arguments: Sequence[str] = (),
    *,
    env: Mapping[str, str] | None = None,
    log_path: Path | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> Generator[Workers]:
    """Run worker processes for the ``with`` block, one per role.

    Parameters
    ----------
    arguments
        Flags of ``streamer.runtime.process``, such as the addresses of embedded servers (``Connections.arguments``).
    env
        Additional environment variables, such as ``STREAMER_CLOCK`` or ``STREAMER_METRICS_PORT``.
    log_path
        File to which the workers' output is appended; defaults to our standard error.
    report
        Called from another thread with a line about each restart.
    """
    output = log_path.open("ab") if log_path is not None else None
    try:
        group = Workers({role: Child(command(role, arguments), env, output, report) for role in roles}, log_path)
        try:
            group.start()
            yield group
        finally:
            group.stop()
    finally:
        if output is not None:
            output.close()


def command(role: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command line of a worker process under a supervisor.

    ``-P`` is needed because the working directory may contain a package with the same name as ours, such as ``models``.
    """
    return [sys.executable, "-P", "-m", "streamer.runtime.process", role, "--follow-parent", *arguments]


def follow_parent() -> None:
    """End this process once its supervisor is gone: gracefully, or by force after 20 s."""

    def end() -> None:
        late = threading.Timer(STOP_SECONDS, os._exit, (1,))
        late.daemon = True
        late.start()
        os.kill(os.getpid(), signal.SIGTERM)

    watch_parent(end)


def _named(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
