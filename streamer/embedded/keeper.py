"""Starts one server; either ends it when the process that started us is gone, or leaves it running.

Run as a file (``python -I -S keeper.py tie|tie-hard|leave LOG COMMAND ...``), so nothing of the project is
imported. The pid of the server goes to standard output.

``tie``: standard input is a pipe whose other end only the parent holds. It reads end-of-file when
the parent closes it or dies in whatever way, SIGKILL included. That works alike on Linux and macOS,
needs no polling, and leaves no window between starting a server and watching it. The exit status
of the server becomes ours. ``tie-hard`` is the same for what may be ended without asking.

``leave``: we end at once, the server belongs to init, and the starter has no child to reap.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 10.0


def main(mode: str, log_path: str, command: list[str]) -> int:
    """Exit status of the server, 128 + n if signal n ended it; 0 at once for ``leave``."""
    with open(log_path, "ab") as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=mode == "leave"
        )

    def end(*_: object) -> None:
        if mode == "tie-hard":
            server.kill()
            return
        server.terminate()
        late = threading.Timer(GRACE_SECONDS, server.kill)
        late.daemon = True
        late.start()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    if mode != "leave":
        signal.signal(signal.SIGTERM, end)
        threading.Thread(target=watch, daemon=True).start()
    os.write(1, f"{server.pid}\n".encode())
    os.close(1)
    if mode == "leave":
        os._exit(0)  # a plain exit would warn about the child that we mean to leave
    status = server.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
