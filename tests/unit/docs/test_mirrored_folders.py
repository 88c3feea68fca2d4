"""Tests mirror the folders: what is in a package is tested in the folder of the same name."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]


def packages() -> set[str]:
    """Packages directly below ``streamer`` and ``models``, and ``schemas``."""
    inits = [path for top in ("streamer", "models") for path in (ROOT / top).glob("*/__init__.py")]
    return {path.parent.name for path in inits} | {"schemas"}


def test_every_package_has_its_folder_of_unit_tests() -> None:
    tested = {
        path.parent.relative_to(ROOT / "tests" / "unit").parts[0] for path in ROOT.glob("tests/unit/**/test_*.py")
    }
    assert packages() - tested == set()
    # Folders without a package test what is no package of the product.
    assert tested - packages() == {"benchmarks", "deploy", "docs"}
