"""Run the command line for the web process on an upload: ``python -m streamer.web.console.upload_command ...``.

The command ends with the web process, even if that was killed, because nobody would see the progress of an import that
continued. Written records stay, and the same import can be resumed.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading
from typing import Final

from streamer.embedded.parent_guard import watch_parent

_KILL_SECONDS: Final = 20.0


def main() -> None:
    """Run the command of ``sys.argv``. Its files are readable only by their owner."""
    os.umask(0o077)
    watch_parent(_end)
    # Import by name, because the command line imports the web process and not the other way round.
    runpy.run_module("streamer", run_name="__main__")


def _end() -> None:
    """End like Ctrl-C, or by force if that takes too long."""
    late = threading.Timer(_KILL_SECONDS, os._exit, (1,))
    late.daemon = True
    late.start()
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
