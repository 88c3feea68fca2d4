"""Test the supervisor on small processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamer.runtime import supervise
from streamer.runtime.supervise import Child, Workers, pause_after, workers

WAITS = "import time; print('up', flush=True); time.sleep(600)"


def child(code: str, report: Callable[[str], None] = lambda text: None) -> Child:
    return Child([sys.executable, "-I", "-S", "-c", code], output=None, report=report)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_pauses_double_to_ten_seconds_and_start_anew_after_a_minute_of_life() -> None:
    pause: float | None = None
    seen = []
    for _ in range(8):
        pause = pause_after(pause, 1.0)
        seen.append(pause)
    assert seen == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0])
    assert pause_after(10.0, supervise.HEALTHY_SECONDS) == 0.2


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_worker_is_started_again(end: signal.Signals) -> None:
    messages: list[str] = []
    group = Workers({"lanes": child(WAITS, messages.append)})
    group.start()
    try:
        first = group.pids["lanes"]
        assert first is not None
        os.kill(first, end)
        until(lambda: group.pids["lanes"] not in (None, first))
        assert group.alive
        assert group.restarts == 1
        assert end.name in messages[0]
    finally:
        group.stop()
    assert group.pids == {"lanes": None}
    assert not group.alive


def test_a_worker_that_may_not_go_on_is_started_again() -> None:
    group = Workers({"lanes": child("import sys; sys.exit(70)")})
    group.start()
    try:
        until(lambda: group.restarts >= 2)
        assert group.alive
    finally:
        group.stop()


def test_the_next_process_knows_how_transactions_of_former_ones_ended(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    program = (
        "import sys, pathlib; told = pathlib.Path(sys.argv[1]); before = told.read_text() if told.exists() else '';"
        "told.write_text(before + ' '.join(sys.argv[2:]) + '\\n'); sys.exit([71, 72, 71, 0][before.count('\\n')])"
    )
    group = Workers({"lanes": Child([sys.executable, "-c", program, str(notes)])})
    group.start()
    try:
        until(lambda: not group.alive)
    finally:
        group.stop()
    assert notes.read_text().splitlines() == ["", "--fenced 1", "--fenced 1 --unknown 1", "--fenced 2 --unknown 1"]


@pytest.mark.parametrize(("code", "failed"), [(0, False), (supervise.EXIT_MISTAKE, True)])
def test_an_end_that_no_restart_helps_is_the_end(code: int, failed: bool) -> None:
    group = Workers({"lanes": child(f"import sys; sys.exit({code})"), "owner": child(WAITS)})
    group.start()
    try:
        until(lambda: not group.alive)
        assert group.failed is failed
        assert group.restarts == 0
        assert group.pids["owner"] is not None
    finally:
        group.stop()


def test_stop_asks_first_and_then_insists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervise, "STOP_SECONDS", 0.5)
    up = tmp_path / "up"
    deaf = f"import pathlib, signal, time; signal.signal(15, signal.SIG_IGN); pathlib.Path({str(up)!r}).touch(); time.sleep(600)"
    group = Workers({"lanes": child(deaf)})
    group.start()
    until(up.exists)
    started = time.monotonic()
    group.stop()
    assert time.monotonic() - started >= 0.5, "it was not asked first"
    assert group.pids == {"lanes": None}
    group.stop()


def test_workers_take_extra_variables_and_write_to_their_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One write for the whole line, because two processes share the file, and under PYTHONUNBUFFERED print() writes
    # piece by piece.
    code = "import os, sys, time; os.write(1, f'{sys.argv[1]} {os.environ[\"STREAMER_CLOCK\"]}\\n'.encode()); time.sleep(600)"
    monkeypatch.setattr(supervise, "command", lambda role, arguments: [sys.executable, "-c", code, role])
    log = tmp_path / "workers.log"
    with workers(("lanes", "owner"), env={"STREAMER_CLOCK": "event"}, log_path=log) as group:
        until(lambda: log.read_text().count("event") == 2)
        pids = list(group.pids.values())
        assert sorted(group.log_tail().splitlines()) == ["lanes event", "owner event"]
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_ends_when_its_supervisor_is_killed() -> None:
    follower = "\n".join(
        (
            "import time",
            "from streamer.runtime.supervise import follow_parent",
            "follow_parent()",
            "print('up', flush=True)",
            "time.sleep(600)",
        )
    )
    code = "\n".join(
        (
            "import subprocess, sys, time",
            "from subprocess import PIPE",
            f"child = subprocess.Popen([sys.executable, '-c', {follower!r}], stdin=PIPE, stdout=PIPE)",
            "child.stdout.readline()",
            "print(child.pid, flush=True)",
            "time.sleep(600)",
        )
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        os.kill(pid, 0)
        supervisor.kill()

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # An orphan waits for init to reap it, but has ended.
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"

    until(gone)
