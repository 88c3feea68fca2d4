"""Runs a stored log through the heart of one source tree, with the measured part where callgrind can count it.

    python benchmarks/counted.py TREE LOG BATCH
    python benchmarks/counted.py --record TREE LOG CUSTOMERS EVENTS

It runs standalone and imports ``benchmarks.heart`` of the source tree ``TREE``, which may be older. That tree must have
``_run(log, batch, sampler)``, ``_decide`` and ``benchmarks.recorded``. With ``--record`` the tree only writes the log,
unless it exists. The part that ``_run`` measures, between ``start`` and ``stop`` of its sampler, is called through
``ffi_call`` of libffi, which nothing else here uses. So ``--toggle-collect=ffi_call`` counts the measured part without
imports, warm-up and digest. With ``--instr-atstart=no`` the records before it pass five times faster; the program
enables instrumentation itself.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FUNCTION = "ffi_call"
NO_ENTRY = 3
"""Exit status if the tree has no benchmark that can be counted."""
_Callback = ctypes.CFUNCTYPE(None)


def through_c(function: Callable[[], Any]) -> Any:
    """Call ``function`` from C and return its result."""
    found: list[Any] = []

    def call() -> None:
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    _Callback(call)()
    [result] = found
    if isinstance(result, BaseException):
        raise result
    return result


class Switch:
    """Replaces the sampler: between ``start`` and ``stop``, calls go through C."""

    def __init__(self) -> None:
        self.on = False
        self._instruments = False

    def start(self) -> None:
        if not self._instruments:
            self._instruments = True
            control = subprocess.Popen(
                ["callgrind_control", "-i", "on", str(os.getpid())], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            # valgrind accepts commands only while the program runs, so do not sleep. Nothing is counted yet.
            while control.poll() is None:
                pass
            assert control.returncode == 0, control.communicate()
        # One garbage collection more or less, depending on the previous batch, changes the count by a quarter of a per
        # cent.
        gc.disable()
        self.on = True

    def stop(self) -> None:
        self.on = False
        gc.enable()


def main() -> None:
    """Print the number of measured records, refused control records and the digest, as JSON."""
    if sys.argv[1] == "--record":
        tree, log = Path(sys.argv[2]).resolve(), Path(sys.argv[3])
        _imported(tree)[1](int(sys.argv[4]), int(sys.argv[5]), log)
        return
    tree, log, batch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3])
    heart, recorded = _imported(tree)
    run, decide = heart._run, heart._decide
    switch = Switch()
    ledger: Any = None

    def counted(records: Any, state: Any) -> Any:
        nonlocal ledger
        ledger = state.ledger
        return through_c(lambda: decide(records, state)) if switch.on else decide(records, state)

    vars(heart)["_decide"] = counted
    stored = recorded(0, 0, log)
    _, digest = run(stored, batch, switch)
    refused = ledger.dead_letters.get("bad_control", 0)
    json.dump({"records": len(stored.records) - stored.warm, "digest": digest, "refused": refused}, sys.stdout)


def _imported(tree: Path) -> tuple[Any, Callable[..., Any]]:
    """Return ``benchmarks.heart`` of a source tree, and its function that records and reads a log."""
    # Take precedence over the editable install, which finds only one tree.
    sys.path[0] = str(tree)
    try:
        heart = importlib.import_module("benchmarks.heart")
        recorded = importlib.import_module("benchmarks.recorded").recorded
        vars(heart)["_run"], vars(heart)["_decide"]
    except (ImportError, AttributeError, KeyError) as error:
        print(f"{tree} has no benchmark that can be counted (benchmarks.heart._run and _decide): {error}")
        sys.exit(NO_ENTRY)
    for name in ("benchmarks", "streamer", "models", "schemas"):
        places = [Path(place).resolve() for place in sys.modules[name].__path__]
        assert all(place.is_relative_to(tree) for place in places), f"{name} comes from {places}, not from {tree}"
    return heart, recorded


if __name__ == "__main__":
    main()
