"""Extract the commands of a documentation page, and run them in a shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


def sh_blocks(page: str) -> list[str]:
    """Return the text of every block marked ``sh``, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@contextmanager
def started(
    script: str, folder: Path, environment: Mapping[str, str], log: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``script`` in a shell in ``folder``, and write all output to ``log``.

    At the end of the block, the shell and everything it left in the background are killed.
    """
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", *options, "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield shell
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
