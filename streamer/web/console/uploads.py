"""Store files uploaded on the Data page, each in its own folder, to be read by ``streamer import`` like any other file.

Each upload is a folder ``uploads/ID`` in STREAMER_HOME, accessible only to its owner, with the file, the commands'
output, and ``state.json``. It is deleted on request after its import, or after a day.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from streamer.web.console import upload_command
from streamer.web.console.multipart import TooLarge

FOLDER: Final = "uploads"
MOST_BYTES: Final = 1 << 30
"""Maximum size of a file, in bytes."""
MOST_KEPT: Final = 5
KEPT_SECONDS: Final = 86_400
_ROOM: Final = 2.0
"""Free disk space required, as a multiple of the file's size, because rejects and pages are written next to it."""
_KILL_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 600.0
_TAIL: Final = 4_000
_STATE: Final = "state.json"

Work = Literal["check", "import"]
Stage = Literal["new", "check", "checked", "import", "imported", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One file and its progress.

    Attributes
    ----------
    stage
        ``check`` and ``import`` while the command runs.
    mapping
        Name of a shipped mapping; empty to detect it.
    code
        Exit code of the last command.
    """

    id: str
    name: str
    bytes: int
    at: float
    stage: Stage = "new"
    mapping: str = ""
    work: Work = "check"
    code: int | None = None


@dataclass
class Uploads:
    """All uploads of a home, and the commands that process them.

    Parameters
    ----------
    home
        Folder of the service (STREAMER_HOME).
    """

    home: Path
    _running: dict[str, asyncio.subprocess.Process | None] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.home / FOLDER

    def recover(self) -> None:
        """Delete uploads of an earlier process that are too old or incomplete."""
        self.delete_old()
        for place in self._places():
            if not (place / _STATE).exists():
                shutil.rmtree(place, ignore_errors=True)

    def all(self) -> list[Upload]:
        """Return all uploads, newest first."""
        found = [one for place in self._places() if (one := self.get(place.name)) is not None]
        return sorted(found, key=lambda one: -one.at)

    def get(self, id: str) -> Upload | None:
        """Return the upload, or None."""
        if not id.isalnum():
            return None
        try:
            found = Upload(**json.loads((self.folder / id / _STATE).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        # Started by an earlier process, or its end could not be written: no command runs.
        ended = found.stage in ("check", "import") and id not in self._running
        return replace(found, stage="cancelled") if ended else found

    def begin(self, bytes: int) -> str:
        """Create a folder for a file of about ``bytes`` bytes. Raises TooLarge if there is no space for it."""
        self.delete_old(MOST_KEPT - 1)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if bytes > MOST_BYTES or shutil.disk_usage(self.folder).free < _ROOM * bytes:
            raise TooLarge
        id = secrets.token_hex(8)
        (self.folder / id).mkdir(mode=0o700)
        (self.folder / id / "file").mkdir(mode=0o700)
        return id

    def place(self, id: str, name: str) -> Path:
        """Return the path of an upload's file."""
        return self.folder / id / "file" / name

    def keep(self, id: str, name: str, bytes: int) -> Upload:
        """Register an upload that has arrived completely."""
        made = Upload(id, name, bytes, time.time())
        self._save(made)
        return made

    def delete_old(self, most: int = MOST_KEPT) -> None:
        """Delete uploads that are too old or too many, except those whose command runs."""
        for at, one in enumerate(self.all()):
            if one.id not in self._running and (at >= most or time.time() - one.at > KEPT_SECONDS):
                self.delete(one.id)

    async def follow(self) -> None:
        """Delete old uploads periodically until cancelled, because they contain customers' orders."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.delete_old()

    def delete(self, id: str) -> None:
        """Delete an upload with everything derived from it."""
        shutil.rmtree(self.folder / id, ignore_errors=True)

    async def start(
        self, upload: Upload, work: Work, mapping: str, environment: Mapping[str, str], *, beside_demo: bool = False
    ) -> None:
        """Run ``streamer import`` on the file in the background, one command at a time per upload.

        Parameters
        ----------
        beside_demo
            Whether to keep the demo's customers, who are deleted otherwise.
        """
        if upload.id in self._running:
            return
        # Set this before awaiting anything, so that a button pressed twice starts one command.
        self._running[upload.id] = None
        try:
            process = await self._run(upload, work, mapping, environment, beside_demo)
        except BaseException:
            del self._running[upload.id]
            raise
        self._running[upload.id] = process
        begun = replace(upload, stage=work, work=work, mapping=mapping, code=None)
        self._save(begun)
        task = asyncio.ensure_future(self._follow(begun, process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, id: str) -> None:
        """Stop the command like Ctrl-C. Written records stay, and the same import can be resumed."""
        process = self._running.get(id)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            asyncio.get_running_loop().call_later(_KILL_SECONDS, self._kill, id, process)

    async def close(self) -> None:
        """Stop all commands."""
        for id in list(self._running):
            self.cancel(id)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_KILL_SECONDS)

    def output(self, upload: Upload) -> list[str]:
        """Return the last lines that the command printed for users, with file names only, because the folder is ours."""
        place = self.folder / upload.id
        try:
            output = (place / f"{upload.work}.log").read_bytes()[-_TAIL:].decode("utf-8", "replace")
        except OSError:
            return []
        # Includes earlier uploads, such as the one that imported the same content.
        output = re.sub(rf"{re.escape(str(self.folder))}/\w+/(?:file/)?", "", output)
        return [line for line in output.splitlines() if line.strip()]

    def answer(self, upload: Upload, work: Work) -> dict[str, Any] | None:
        """Return the command's ``--json`` output, or None if there is none."""
        try:
            found = json.loads((self.folder / upload.id / f"{work}.json").read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def rejects(self, upload: Upload) -> Path | None:
        """Return the file of rejected rows, or None."""
        place = self.place(upload.id, upload.name)
        found = sorted(one for one in place.parent.glob("*.rejects*.csv") if one != place)
        return found[-1] if found else None

    async def _run(
        self, upload: Upload, work: Work, mapping: str, environment: Mapping[str, str], beside_demo: bool
    ) -> asyncio.subprocess.Process:
        folder = self.folder / upload.id
        file = self.place(upload.id, upload.name)
        output = ["--mapping", mapping] if mapping else []
        more = ["--check", "--html", str(folder / "check.html")] if work == "check" else ["--yes"]
        if beside_demo and work == "import":
            more.append("--beside-demo")
        with private(folder / f"{work}.json") as out, private(folder / f"{work}.log") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", upload_command.__name__, "import", str(file), *output, *more, "--json"),
                # The command ends when this pipe closes, however this process ends.
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    async def _follow(self, upload: Upload, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._running.pop(upload.id, None)
        if self.get(upload.id) is None:
            return
        whole = self.answer(upload, upload.work) is not None
        if code < 0 or code == 130:
            stage: Stage = "cancelled"
        elif upload.work == "check":
            stage = "checked" if whole else "failed"
        else:
            stage = "imported" if code == 0 and whole else "failed"
        if stage == "imported":
            with suppress(OSError):
                self.place(upload.id, upload.name).unlink()
        self._save(replace(upload, stage=stage, code=code))

    def _kill(self, id: str, process: asyncio.subprocess.Process) -> None:
        if self._running.get(id) is process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _save(self, upload: Upload) -> None:
        place = self.folder / upload.id / _STATE
        with private(place.with_suffix(".new")) as file:
            file.write(json.dumps(asdict(upload)).encode())
        place.with_suffix(".new").replace(place)

    def _places(self) -> list[Path]:
        return [one for one in self.folder.iterdir() if one.is_dir()] if self.folder.is_dir() else []


def private(path: Path) -> Any:
    """Create an empty file for writing, accessible only to its owner."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")
