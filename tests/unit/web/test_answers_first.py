"""Test what the web process sets in the interpreter, in a separate process because it affects all of it."""

from __future__ import annotations

import json
import subprocess
import sys

SAYS = """
import gc, json, sys
from streamer.web.app import answers_first
answers_first()
print(json.dumps([sys.getswitchinterval(), gc.get_freeze_count(), gc.isenabled(), gc.get_threshold()[0]]))
"""


def test_threads_give_way_soon_and_what_was_loaded_is_not_looked_through() -> None:
    run = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, timeout=60, check=True)
    turn, frozen, collects, threshold = json.loads(run.stdout)
    assert turn <= 0.001
    assert frozen > 50_000
    # Cycles are still collected, after few requests.
    assert collects and threshold <= 10_000
