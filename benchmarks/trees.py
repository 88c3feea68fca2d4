"""The source tree of a commit, beside the working tree."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class NoTree(Exception):
    """Git cannot provide the tree: no such commit, no history (a shallow clone), or no repository."""


@contextmanager
def scratch_tree(commit: str, folder: Path) -> Iterator[Path]:
    """Provide a git worktree of ``commit`` inside ``folder``, and remove it at the end.

    Raises
    ------
    NoTree
        With git's message.
    """
    tree = folder / f"tree-{commit[:12]}"
    worktree = ["git", "-C", str(ROOT), "worktree"]
    try:
        made = subprocess.run([*worktree, "add", "-q", "--detach", str(tree), commit], capture_output=True, text=True)
    except FileNotFoundError:
        raise NoTree("git is not installed") from None
    if made.returncode != 0:
        raise NoTree(made.stderr.strip())
    try:
        yield tree
    finally:
        subprocess.run([*worktree, "remove", "--force", str(tree)], check=True, capture_output=True)
