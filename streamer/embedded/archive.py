"""Manage a class data archive of the broker, which reduces later starts from three seconds to one.

A user's first broker records which classes it loads. From that list a JVM creates the archive at the lowest priority
while the broker already works, in about 6 s on one core. The archive is named after the Java build and the class path,
so a new version creates its own. The JVM checks it at every start and ignores it if it does not match.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from streamer.embedded.home import cache_folder

GUARD = Path(__file__).with_name("parent_guard.py")
_STALE_SECONDS = 3600.0


class Archive:
    """The archive for one Java command line.

    Parameters
    ----------
    java
        The Java program and its options, including the class path, as used to start the broker.
    """

    def __init__(self, java: Sequence[str], folder: Path | None = None) -> None:
        self._java = list(java)
        self._folder = folder or cache_folder()
        program = Path(java[0])
        release = program.parent.parent / "release"  # names the exact build
        build = release.read_text() if release.exists() else ""
        # The temporary folder differs between homes and does not affect the archive.
        steady = [option for option in java if not option.startswith("-Djava.io.tmpdir=")]
        digest = hashlib.sha256("\n".join([build, *steady]).encode()).hexdigest()[:16]
        self.path = self._folder / f"kafka-{digest}.jsa"
        self._list: Path | None = None
        self._maker: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    def existing(self) -> list[str]:
        """Return the Java options that use the archive, or none if there is no archive."""
        return [f"-XX:SharedArchiveFile={self.path}"] if self.path.exists() else []

    def options(self) -> list[str]:
        """Return the Java options that use the archive, or record the classes if there is none."""
        self._list = None
        if existing := self.existing():
            return existing
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".classes", "kafka-", self._folder)
        except OSError:
            return []  # only a faster start is lost
        os.close(handle)
        self._list = Path(name)
        return [f"-XX:DumpLoadedClassList={name}"]

    def make(self) -> None:
        """Start creating the archive beside the broker, if classes were recorded. Return at once."""
        if self._list is None:
            return
        noted, self._list = self._list, None
        for left in (*self._folder.glob("kafka-*.draft"), *self._folder.glob("kafka-*.list")):
            with contextlib.suppress(OSError):  # left by killed makers
                if left.stat().st_mtime < time.time() - _STALE_SECONDS:
                    left.unlink()
        # The broker still writes to the file, so its last line may be incomplete.
        whole = noted.read_text().rpartition("\n")[0]
        noted.unlink()
        classes = noted.with_suffix(".list")
        classes.write_text(whole + "\n")
        draft = noted.with_suffix(".draft")
        self._maker = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(GUARD), "tie-hard", os.devnull, "nice", "-n", "19"),
                *(self._java[0], "-Xshare:dump", f"-XX:SharedClassListFile={classes}"),
                *(f"-XX:SharedArchiveFile={draft}", *self._java[1:]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._thread = threading.Thread(target=self._finish, args=(self._maker, classes, draft), daemon=True)
        self._thread.start()

    @property
    def making(self) -> bool:
        """Whether an archive is being created."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Wait for an archive in creation to be complete."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Discard an unfinished archive, and the class list of a broker that never answered."""
        if self._list is not None:
            self._list.unlink(missing_ok=True)
            self._list = None
        if self._maker is not None and self._maker.stdin is not None:
            with contextlib.suppress(OSError):
                self._maker.stdin.close()
            self._maker = None
        self.wait()

    def _finish(self, maker: subprocess.Popen[bytes], classes: Path, draft: Path) -> None:
        status = maker.wait()
        with contextlib.suppress(OSError):
            if status == 0 and draft.exists():
                draft.replace(self.path)
            draft.unlink(missing_ok=True)
            classes.unlink(missing_ok=True)
        if maker.stdin is not None:
            maker.stdin.close()
