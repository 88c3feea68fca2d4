"""Test that a command on an upload ends with the web process, even if that was killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

PARENT = """
import asyncio, sys
from pathlib import Path
from uvicorn import Config
from streamer.web.console.uploads import Uploads

async def run():
    made = Uploads(Path(sys.argv[1]))
    id = made.begin(1)
    rows = (f"{n},c{n},2025-01-01,5" for n in range(300_000))
    made.place(id, "a.csv").write_text("\\n".join(["order_id,customer_id,date,total", *rows]))
    await made.start(made.keep(id, "a.csv", 1), "check", "", {})
    print(made._running[id].pid, made.folder / id, flush=True)
    await asyncio.sleep(60)

with asyncio.Runner(loop_factory=Config(None).get_loop_factory()) as runner:
    runner.run(run())
"""


def test_the_command_ends_when_the_web_process_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    command = psutil.Process(int(pid))
    assert "streamer.web.console.upload_command" in command.cmdline()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    limit = time.monotonic() + 15
    # In a container nobody may reap it.
    while command.is_running() and command.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < limit, "it still runs"
        time.sleep(0.05)
    assert Path(folder, "check.json").read_text() == "", "it ended before it had read the file"


def test_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    file, page = tmp_path / "a.csv", tmp_path / "page.html"
    file.write_text("order_id,customer_id,date,total\n1,a,2025-01-01,5\n")
    command = [sys.executable, "-m", "streamer.web.console.upload_command", "import", str(file), "--check", "--json"]
    with subprocess.Popen(
        [*command, "--html", str(page)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None and b'"rows": 1' in run.stdout.read()
    assert run.returncode == 0 and page.stat().st_mode & 0o077 == 0
