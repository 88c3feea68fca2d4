"""Test requests to end, whatever the main thread is doing at that moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from random import Random

import pytest

from streamer.commands.end_requests import end_requests


def signal_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_in_the_middle_of_waiting_is_received_each_time() -> None:
    random = Random(7)
    usual = signal.getsignal(signal.SIGTERM)
    for _ in range(300):
        with end_requests() as end:
            assert not end.wait(0)
            threading.Thread(target=signal_after, args=(random.random() * 2e-3,)).start()
            began = time.monotonic()
            while not end.wait(5e-4):
                assert time.monotonic() - began < 10
            # The request stays.
            assert end.wait(0)
    assert signal.getsignal(signal.SIGTERM) is usual


def test_without_a_signal_no_end_is_requested() -> None:
    with end_requests() as end:
        assert not end.wait(0.01)


_WAITS = """
from streamer.commands.end_requests import end_requests
with end_requests() as asked:
    print("listening", flush=True)
    while not asked.wait(1):
        pass
    print(asked.number)
"""


@pytest.mark.parametrize(
    ("background", "sent", "received"),
    [
        (False, [signal.SIGINT], signal.SIGINT),
        (False, [signal.SIGTERM], signal.SIGTERM),
        # Ctrl-C is for the script that started it.
        (True, [signal.SIGINT, signal.SIGTERM], signal.SIGTERM),
    ],
)
def test_ctrl_c_is_left_to_the_script_that_started_a_command_in_the_background(
    background: bool, sent: list[signal.Signals], received: signal.Signals
) -> None:
    script = 'trap "" INT; exec "$@"' if background else 'exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-c", _WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "listening\n"
        for number in sent:
            process.send_signal(number)
            time.sleep(0.2)
        assert process.communicate(timeout=30)[0] == f"{int(received)}\n"
