"""Instructions of the heart per record, for a commit and for the working tree, and whether both produce the same bytes.

    python -m benchmarks.compare BASE [--events 10000] [--customers 5000] [--batch 2000] [--log FILE] [--own-logs] [--most 1.01]

CPU time on a shared machine cannot show a change of a few per cent. Instructions, counted by valgrind's callgrind, are
reproducible within .002 %. The base, in a scratch worktree of git, records one log of the simulated shop. Both sides
read it, each with its own ``benchmarks.heart``, and only the part that it measures is counted (see ``counted``). The
base records because later code reads what earlier code wrote, but not the reverse: a base would refuse later clusters
and skip their work. If a side refuses control records of the log, a line reports it.

With ``--own-logs`` each side reads a log that it recorded itself: the events of the same shop, with clusters by that
side's rules. With ``--most``, the exit status is 1 if the ratio is higher.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import counted
from benchmarks.trees import ROOT, NoTree, scratch_tree

# Remove the differences between runs: hash order, threads, cached byte code.
_FIXED = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Counted:
    """Result of one source tree on the log."""

    instructions: int
    records: int
    digest: str
    refused: int
    """Number of control records that were refused."""

    @property
    def each(self) -> float:
        """Instructions per record."""
        return self.instructions / self.records


def main() -> None:
    """Count both sides; print instructions per record, their ratio, and whether the digests are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="a commit")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--log", type=Path, help="take this log where there is one, else keep the base's here")
    parser.add_argument("--own-logs", action="store_true", help="each side reads a log that it recorded itself")
    parser.add_argument("--most", type=float, help="the highest ratio to pass with")
    args = parser.parse_args()
    for tool in ("valgrind", "callgrind_control"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: it counts the instructions (Debian: apt install valgrind)")
    with tempfile.TemporaryDirectory(prefix="streamer-compare-") as folder:
        try:
            with scratch_tree(args.base, Path(folder)) as base:
                logs = {base: args.log or Path(folder, "log")}
                logs[ROOT] = Path(folder, "own-log") if args.own_logs else logs[base]
                for tree, log in logs.items():
                    _record(tree, log, args.customers, args.events)
                with ThreadPoolExecutor(2) as pool:
                    before, after = pool.map(lambda tree: _count(tree, logs[tree], args.batch, Path(folder)), logs)
        except NoTree as error:
            sys.exit(f"no tree of {args.base}: {error}")
    ratio = after.each / before.each
    print(f"records       {after.records}")
    print(f"base          {before.each:12.1f} instructions per record  ({args.base})")
    print(f"working tree  {after.each:12.1f} instructions per record")
    print(f"ratio         {ratio:12.5f}")
    print(f"digests       {'equal' if before.digest == after.digest else 'DIFFERENT'}: {before.digest} {after.digest}")
    if before.refused or after.refused:
        print(
            f"refused       control records of the log: {before.refused} by the base, {after.refused} by the working tree"
        )
    if args.most is not None and ratio > args.most:
        sys.exit(1)


def _record(tree: Path, log: Path, customers: int, events: int) -> None:
    """Let a source tree record the log, unless the file exists."""
    program = [sys.executable, counted.__file__, "--record", str(tree), str(log), str(customers), str(events)]
    done = subprocess.run(
        program, env={**os.environ, **_FIXED, "PYTHONPATH": str(tree)}, capture_output=True, text=True
    )
    if done.returncode == counted.NO_ENTRY:
        sys.exit(done.stdout.strip())
    if done.returncode != 0:
        sys.exit(f"{tree} could not record a log:\n{done.stderr[-3_000:]}")


def _count(tree: Path, log: Path, batch: int, folder: Path) -> Counted:
    """Run the log through one source tree under callgrind, with the counting program of the working tree."""
    out = folder / f"callgrind.{'working' if tree == ROOT else 'base'}"
    options = [f"--callgrind-out-file={out}", f"--toggle-collect={counted.FUNCTION}", "--instr-atstart=no"]
    program = [sys.executable, counted.__file__, str(tree), str(log), str(batch)]
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", *options, *program],
        env={**os.environ, **_FIXED, "PYTHONPATH": str(tree)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode == counted.NO_ENTRY:
        sys.exit(done.stdout.strip())
    if done.returncode != 0:
        sys.exit(f"{tree} could not be counted:\n{done.stderr[-3_000:]}")
    found = json.loads(done.stdout)
    total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
    if total is None or not int(total[1]):
        sys.exit("callgrind counted nothing: this Python's ctypes does not call through libffi's ffi_call")
    return Counted(int(total[1]), found["records"], found["digest"], found["refused"])


if __name__ == "__main__":
    main()
