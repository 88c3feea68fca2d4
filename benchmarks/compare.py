"""Instructions of the heart per record, a commit against the working tree, and whether both give the same bytes.

    python -m benchmarks.compare BASE [--events 10000] [--customers 5000] [--batch 2000] [--log FILE] [--most 1.01]

Time on a shared machine says little about a change of a few per cent. Instructions, counted by valgrind's callgrind, are
the same from run to run within .002 %. The working tree writes one log; the base, in a scratch worktree of git, and the
working tree read it, each with its own ``benchmarks.heart``; only what that measures is counted (see ``counted``).
With ``--most``, the exit status is 1 where the ratio is higher.
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
from benchmarks.recorded import recorded
from benchmarks.trees import ROOT, NoTree, scratch_tree

# What could differ from run to run: the order of hashes, threads, byte code that is there already or not.
_FIXED = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Counted:
    """What one source tree came to on the log."""

    instructions: int
    records: int
    digest: str

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
    parser.add_argument("--log", type=Path, help="keep the log here for the next time")
    parser.add_argument("--most", type=float, help="the highest ratio to pass with")
    args = parser.parse_args()
    for tool in ("valgrind", "callgrind_control"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: it counts the instructions (Debian: apt install valgrind)")
    with tempfile.TemporaryDirectory(prefix="streamer-compare-") as folder:
        log: Path = args.log or Path(folder, "log")
        try:
            with scratch_tree(args.base, Path(folder)) as base:
                recorded(args.customers, args.events, log)
                with ThreadPoolExecutor(2) as pool:
                    before, after = pool.map(lambda tree: _count(tree, log, args.batch, Path(folder)), (base, ROOT))
        except NoTree as error:
            sys.exit(f"no tree of {args.base}: {error}")
    ratio = after.each / before.each
    print(f"records       {after.records}")
    print(f"base          {before.each:12.1f} instructions per record  ({args.base})")
    print(f"working tree  {after.each:12.1f} instructions per record")
    print(f"ratio         {ratio:12.5f}")
    print(f"digests       {'equal' if before.digest == after.digest else 'DIFFERENT'}: {before.digest} {after.digest}")
    if args.most is not None and ratio > args.most:
        sys.exit(1)


def _count(tree: Path, log: Path, batch: int, folder: Path) -> Counted:
    """Run the log through one source tree under callgrind. The program that counts is that of the working tree."""
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
    return Counted(int(total[1]), found["records"], found["digest"])


if __name__ == "__main__":
    main()
