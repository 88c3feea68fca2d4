"""The real data set, where it is: beside the project, in ``shared/data``. Tests are skipped elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path("shared", "data", "online_retail")


def retail(name: str) -> Path:
    """The path of a file of the data set; skips the test that asks for it if it is not on this machine."""
    for folder in Path(__file__).resolve().parents:
        if (found := folder / _FOLDER / name).is_file():
            return found
    pytest.skip(f"no {_FOLDER / name} beside the project")
