"""Test that tests mirror the folders: a package is tested in the folder with the same name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]


def packages() -> set[str]:
    """Return packages directly below ``streamer`` and ``models``, and ``schemas``."""
    inits = [path for top in ("streamer", "models") for path in (ROOT / top).glob("*/__init__.py")]
    return {path.parent.name for path in inits} | {"schemas"}


def test_every_package_has_its_folder_of_unit_tests() -> None:
    tested = {
        path.parent.relative_to(ROOT / "tests" / "unit").parts[0] for path in ROOT.glob("tests/unit/**/test_*.py")
    }
    assert packages() - tested == set()
    # Folders without a package test what is not a package of the product.
    assert tested - packages() == {"benchmarks", "deploy", "docs"}


def test_no_two_files_of_tests_have_the_same_name() -> None:
    """pytest imports them by name: a second file with the same name is an error, but only if both are in one run."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
