"""List functions that branch too much and files that are too long.

The limits are 15 by McCabe as radon counts (``and`` and ``or`` are branches too), and 400 lines.

python tests/support/complexity.py [FOLDER ...]

T. J. McCabe: *A Complexity Measure*, IEEE Transactions on Software Engineering, 1976. The exit status is 1 if there are
any.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from radon.complexity import cc_visit

MOST = 15
MOST_LINES = 400
FOLDERS = ("schemas", "models", "streamer", "benchmarks", "grafana", "examples")


def found(folders: list[str]) -> Iterator[tuple[int, str]]:
    """Yield complexity and location of every function above `MOST`."""
    for path in (file for folder in folders for file in sorted(Path(folder).rglob("*.py"))):
        blocks = cc_visit(path.read_text(encoding="utf-8"))
        for block in blocks + [closure for one in blocks for closure in getattr(one, "closures", ())]:
            if block.letter != "C" and block.complexity > MOST:
                yield block.complexity, f"{path}:{block.lineno} {block.fullname}"


def long_files(folders: list[str]) -> list[str]:
    """Return length and path of every file above `MOST_LINES`."""
    files = (file for folder in folders for file in sorted(Path(folder).rglob("*.py")))
    lengths = [(len(file.read_text(encoding="utf-8").splitlines()), file) for file in files]
    return [f"{length} {file}" for length, file in lengths if length > MOST_LINES]


if __name__ == "__main__":
    complex_ones = sorted(found(sys.argv[1:] or list(FOLDERS)), reverse=True)
    for complexity, place in complex_ones:
        print(f"{complexity:3} {place}")
    if complex_ones:
        sys.exit(f"{len(complex_ones)} functions of a complexity above {MOST}; split them")
    if too_long := long_files(sys.argv[1:] or list(FOLDERS)):
        sys.exit("\n".join([*too_long, f"{len(too_long)} files of more than {MOST_LINES} lines; split them"]))
