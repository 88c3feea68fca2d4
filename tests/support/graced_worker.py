"""Run a worker whose grace period for unsigned control records is GRACE_SECONDS."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from streamer.config.settings import Settings
from streamer.lanes.context import LaneSettings
from streamer.runtime.process import main

_lane_settings = Settings.lane_settings


def _short(self: Settings) -> LaneSettings:
    return replace(_lane_settings(self), grace_ms=int(float(os.environ["GRACE_SECONDS"]) * 1_000))


if __name__ == "__main__":
    # Only here, because the doctest collector imports this module into the test process.
    Settings.lane_settings = _short  # type: ignore[method-assign]
    sys.exit(main())
