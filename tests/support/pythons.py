"""Find the other Pythons of this machine, each with the locked dependencies in its own virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCK = ROOT / "deploy" / "requirements.lock"
_START_SECONDS, _INSTALLED_SECONDS = 10, 120


def python(version: str) -> Path:
    """Return a Python of this version that can run the product. Skips the test if there is none or packages are unavailable."""
    if version == HERE:
        return Path(sys.executable)
    for candidate in _candidates(version):
        if _is(candidate, version):
            return environment(candidate, version)
    pytest.skip(f"no Python {version} on this machine: nothing shows that it writes the same bytes")


def run(python: Path, *arguments: str, timeout: float = 120) -> str:
    """Return the output of a program of the project, run by ``python`` on this source tree."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support")))
    done = subprocess.run(
        [python, *arguments],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _candidates(version: str) -> Iterator[Path]:
    """Yield Pythons from the PATH, then pyenv's, whose commands fail if a version is installed but not enabled."""
    if (found := shutil.which(f"python{version}")) is not None:
        yield Path(found)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/python{version}"))


def _is(candidate: Path, version: str) -> bool:
    program = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([candidate, "-c", program], capture_output=True, text=True, timeout=_START_SECONDS)
        return done.returncode == 0 and done.stdout.strip() == version
    return False


def environment(base: Path, version: str, lock: Path = LOCK) -> Path:
    """Return the Python of a virtual environment with a lock file's packages, created if missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "streamer" / "pythons"
    kept = cache / f"{version}-{sha256(lock.read_bytes()).hexdigest()[:16]}"
    if not (kept / "bin" / "python").exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{version}-", dir=cache))
        try:
            _install(base, made, lock)
            # Rename in one step, so that nobody sees half of it; another run may have been faster.
            with suppress(OSError):
                made.rename(kept)
        except subprocess.TimeoutExpired:
            pytest.skip(f"no packages for Python {version} within {_INSTALLED_SECONDS} s")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no packages for Python {version}: {error.stderr.strip()[-300:]}")
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return kept / "bin" / "python"


def _install(base: Path, into: Path, lock: Path) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    install = ["install", "--quiet", "--require-hashes", "--requirement", str(lock)]
    commands: list[list[str]] = [[str(base), "-m", "venv", *(["--without-pip"] if uv else []), str(into)]]
    python = str(into / "bin" / "python")
    commands.append([uv, "pip", *install, "--python", python] if uv else [python, "-m", "pip", *install])
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALLED_SECONDS)
