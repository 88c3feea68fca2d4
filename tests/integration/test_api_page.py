"""Test ``docs/api.md`` as a reader follows it: every command, in order, in one shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from act_rig import free_port
from live_service import LiveService
from page_commands import sh_blocks, started

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "api.md"
SECONDS = 120


def script(port: int) -> str:
    """Run all `sh` blocks, with our own port."""
    return "set -e\n" + "".join(sh_blocks(PAGE.read_text())).replace("8480", str(port))


def test_every_command_of_the_page_answers(service: LiveService, tmp_path: Path) -> None:
    service.start()
    port = free_port()
    environment = {
        **service.environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "STREAMER_HOME": str(tmp_path / "home"),
        "STREAMER_WEB_PORT": str(port),
        "STREAMER_WEB_METRICS_PORT": "0",
        "NO_COLOR": "1",
    }
    publish = [sys.executable, "-m", "streamer", "publish", "order", "--customer", "ann", "--total", "59.90"]
    subprocess.run(publish, env=environment, check=True, capture_output=True, timeout=60)
    service.wait_until_applied()
    log = tmp_path / "page.log"
    with started(script(port), tmp_path, environment, log, "-x") as shell:
        code = shell.wait(SECONDS)
        output_text = log.read_text()
        assert code == 0, output_text
        for answer in (
            '"customer_id":"ann"',
            '"moves":[{"seq":',
            '"steps":[]',
            '{"customers":["ann"]}',
            '"members":[{"customer_id":"ann"',
            '"flows":[{"from":null,"to":"new"',
            '{"plays":{}}',
            '"status":401',
        ):
            assert answer in output_text, (answer, output_text)
        assert "ann" in (tmp_path / "new.csv").read_text()
