"""A Valkey for one test, since what is done to it would hurt others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.embedded.valkey import Valkey


@contextmanager
def own_valkey(folder: Path, *, persistent: bool) -> Iterator[Valkey]:
    """A server that answers, in ``folder``; stopped at the end."""
    server = Valkey(folder, persistent=persistent)
    server.launch(keep=False)
    try:
        server.await_ready()
        yield server
    finally:
        server.stop()
