"""Start a Valkey for one test, whose actions would affect other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.embedded.valkey import Valkey


@contextmanager
def own_valkey(folder: Path, *, persistent: bool) -> Iterator[Valkey]:
    """Start a server in ``folder``, which answers and is stopped at the end."""
    server = Valkey(folder, persistent=persistent)
    server.launch(keep=False)
    try:
        server.await_ready()
        yield server
    finally:
        server.stop()
