"""Run a worker with a bug: a step with an event ``broken`` always raises, a step with ``ends`` ends the process."""

from __future__ import annotations

import os
import sys

from streamer.core.state import LaneState
from streamer.lanes.step import Prepared, StepMaker
from streamer.runtime.process import main

_encode = StepMaker.encode


def encode(self: StepMaker, made: Prepared, state: LaneState, *, anyway: bool = False) -> None:
    values = [bytes(decoded.record.value or b"") for decoded in made.decoded_records if decoded.record.value]
    if any(b'"event_id": "ends"' in value for value in values):
        os._exit(139)
    if any(b'"event_id": "broken"' in value for value in values):
        raise ZeroDivisionError("of this step")
    _encode(self, made, state, anyway=anyway)


if __name__ == "__main__":
    # Only here, because the doctest collector imports this module into the test process.
    StepMaker.encode = encode  # type: ignore[method-assign]
    sys.exit(main())
