"""Test our packages, and others with their names."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import schemas
import streamer
from streamer.queries import packages


def test_ours_alone_is_well() -> None:
    assert not list(packages.packages({"models": ["segment_streamer"], "schemas": ["segment-streamer"]}))


def test_another_distribution_with_a_package_of_our_name_is_named() -> None:
    found = list(packages.packages({"models": ["segment_streamer", "Shop.Models"]}))
    assert [one.text for one in found] == ["the distribution shop-models has a package models too: one hides the other"]
    assert found[0].wrong and "virtual environment" in (found[0].hint or "")


def test_a_package_from_elsewhere_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stranger = ModuleType("models")
    stranger.__file__ = str(tmp_path / "models" / "__init__.py")
    monkeypatch.setattr(packages, "_OURS", (streamer, stranger, schemas))
    (found,) = packages.packages({})
    assert "several places" in found.text and str(tmp_path) in found.text
