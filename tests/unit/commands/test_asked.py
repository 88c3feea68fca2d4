"""Being asked to end, whatever the main thread is doing at that moment."""

from __future__ import annotations

import os
import signal
import threading
import time
from random import Random

from streamer.commands.asked import asked_to_end


def ask_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_in_the_middle_of_waiting_is_heard_each_time() -> None:
    random = Random(7)
    usual = signal.getsignal(signal.SIGTERM)
    for _ in range(300):
        with asked_to_end() as asked:
            assert not asked.wait(0)
            threading.Thread(target=ask_after, args=(random.random() * 2e-3,)).start()
            began = time.monotonic()
            while not asked.wait(5e-4):
                assert time.monotonic() - began < 10
            # It stays asked.
            assert asked.wait(0)
    assert signal.getsignal(signal.SIGTERM) is usual


def test_nobody_asked() -> None:
    with asked_to_end() as asked:
        assert not asked.wait(0.01)
