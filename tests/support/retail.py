"""Locate the real data set, if it is beside the project in ``shared/data``. Tests are skipped elsewhere."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("shared", "data", "online_retail")


def found_retail(name: str) -> Path | None:
    """Return the path of a file of the data set, if it is on this machine."""
    folders = Path(__file__).resolve().parents
    return next((found for folder in folders if (found := folder / FOLDER / name).is_file()), None)


def retail(name: str) -> Path:
    """Return the path of a file of the data set. Skips the test if there is none."""
    import pytest  # not needed for the digests, which a Python without it can compute

    found = found_retail(name)
    if found is None:
        pytest.skip(f"no {FOLDER / name} beside the project")
    return found
