"""Send the web process requests that its document allows and forbids.

``python -m api_cases [--seconds 240] [--seed 1]``. schemathesis (in its own environment, `make api-cases`) makes the
requests from ``/openapi.json`` of a process that serves an imported shop, with a token that has all permissions, and
runs all of its checks: no 5xx, no answer outside the document, nothing accepted that the document forbids. Half of the
ids and segments are made up, half are the shop's. `/v1/changes` is left out, because its answer never ends.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from web_process import imported_shop, web

from streamer.embedded import running

NO_GRAMMAR = """
[[operations]]
include-path = "/v1/segments/preview"
# Its body is a file of segments, which no JSON Schema describes: 422 says what is wrong with it.
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/segments/{segmentation}/{segment}/members"
# A cursor is what the page before gave.
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = "/v1/members"
# A segment that the shop does not have is the caller's mistake.
checks.positive_data_acceptance.enabled = false
"""
REAL = """
[parameters]
"path.id" = "{}"
"path.segmentation" = "lifecycle"
"path.segment" = "new"
"""
MAY = ["read", "export", "edit", "write", "outcomes"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tool", default="st", help="the command of schemathesis")
    options, more = parser.parse_known_args()
    tool = shutil.which(options.tool)
    if tool is None:
        parser.error(f"{options.tool} is not there: make api-cases installs it")
    tool = os.path.abspath(tool)
    with TemporaryDirectory(prefix="streamer-cases-") as home, running(Path(home) / "servers") as services:
        folder = Path(home) / "service"
        folder.mkdir()
        with imported_shop(services.addresses, 0, folder, "cases", customers=60) as service:
            environment = {**service.environment, "STREAMER_WEB_RATE": "100000"}
            with web(environment, Path(home) / "web") as api:
                api.until_current()
                token = api.tokens.create("cases", MAY, "2026-01-01T00:00:00Z")
                known = api.fitting("members", "/v1/segments/lifecycle/new/members?limit=1")["members"][0][
                    "customer_id"
                ]
                config = Path(home) / "schemathesis.toml"
                cases = 0
                for parameters in ("", REAL.format(known)):
                    config.write_text(parameters + NO_GRAMMAR)
                    command = [tool, "--config-file", str(config), "run"]
                    command += [f"http://127.0.0.1:{api.port}/openapi.json"]
                    command += ["--header", f"Authorization:Bearer {token}", "--exclude-path", "/v1/changes"]
                    command += ["--seed", str(options.seed), "--continue-on-failure"]
                    command += ["--max-time", str(options.seconds // 2), "--request-timeout", "20"]
                    # It leaves notes in its working folder.
                    code, made = _run([*command, *more], home)
                    if code:
                        return code
                    cases += made
                if "Traceback" in api.log:
                    print(api.log[-4_000:])
                    return 1
                print(f"{cases:,} cases passed with seed {options.seed}")
                return 0


def _run(command: list[str], folder: str) -> tuple[int, int]:
    """The exit code, and the number of cases; passes on what is printed."""
    made = 0
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "NO_PROXY": "*"}, stdout=subprocess.PIPE, text=True
    ) as running_tool:
        assert running_tool.stdout is not None
        for line in running_tool.stdout:
            print(line, end="", flush=True)
            if found := re.search(r"(\d+) generated", line):
                made = int(found[1])
    return running_tool.returncode, made


if __name__ == "__main__":
    sys.exit(main())
