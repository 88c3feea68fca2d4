"""``bench``: measure how many events and customers this machine can handle."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.messages import messages
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.end_requests import end_requests

if TYPE_CHECKING:
    from streamer.demo.capacity import Capacity


def register(app: typer.Typer) -> None:
    app.command("bench")(bench)


def bench(
    seconds: Annotated[
        float, typer.Option(min=5, max=600, help="Number of seconds to measure after the servers have started.")
    ] = 12,
    json: Json = False,
) -> None:
    """Measure how many events per second this machine processes, and how many customers fit in its memory.

    Starts a separate Kafka and Valkey in a temporary folder, writes the history of a simulated shop, and processes it
    with one worker. Your service, server settings and data are left alone. Figures are lower if your service is busy at
    the same time.

    Example:  streamer bench
    """
    found = common.settings()
    texts = messages(found.language)
    with tempfile.TemporaryDirectory(prefix="streamer-bench-") as folder:
        result = _measured(Path(folder), seconds)
    if json:
        common.print_json(result.to_dict())
        return
    out = common.console()
    out.print(
        texts(
            "capacity",
            events=_rounded(result.events_a_second),
            customers=_rounded(result.customers_that_fit),
        )
    )
    out.print(
        texts(
            "capacity measured",
            events=f"{result.events:,}",
            seconds=f"{result.seconds:.1f}",
            bytes=f"{result.bytes_a_customer:,.0f}",
            load=f"{result.load:.1f}",
            cores=os.cpu_count(),
        )
    )


def _measured(home: Path, seconds: float) -> Capacity:
    import psutil

    from streamer.commands.import_file import connected
    from streamer.config.settings import Settings
    from streamer.demo.capacity import measure

    free, load = psutil.virtual_memory().available, os.getloadavg()[0]
    with _nobodys_settings(home), end_requests() as requested, connected(Settings.load()) as service:
        return measure(service, seconds, free, load, common.note, requested.wait)


@contextmanager
def _nobodys_settings(home: Path) -> Iterator[None]:
    """Ignore the shop's settings within the block, in this process and its workers."""
    before, folder = dict(os.environ), Path.cwd()
    for name in before:
        if name.startswith("STREAMER_"):
            del os.environ[name]
    # Use a separate port for metrics, because a running service uses the default one.
    os.environ |= {"STREAMER_HOME": str(home), "STREAMER_METRICS_PORT": "0", "STREAMER_OWNER_METRICS_PORT": "0"}
    os.chdir(home)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


def _rounded(value: float) -> str:
    """Round to two significant digits, because runs vary: 12,345 becomes 12,000."""
    digits = max(0, len(str(int(value))) - 2)
    return f"{int(value) // 10**digits * 10**digits:,}"
