"""Run a worker on a machine whose wall clock is ahead by SKEW_SECONDS; the monotonic clock is right."""

from __future__ import annotations

import os
import sys
import time

from streamer.runtime.process import main

_time, _time_ns = time.time, time.time_ns


def _ahead() -> float:
    return _time() + float(os.environ["SKEW_SECONDS"])


def _ahead_ns() -> int:
    return _time_ns() + int(float(os.environ["SKEW_SECONDS"]) * 1e9)


if __name__ == "__main__":
    # Only here, because the doctest collector imports this module into the test process.
    time.time, time.time_ns = _ahead, _ahead_ns
    sys.exit(main())
