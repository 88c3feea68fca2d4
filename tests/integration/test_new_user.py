"""Test a new user with only the README: demo, own file, segment members, first mail and console, within 20 minutes.

The commands are those of README.md, docs/first-list.md, docs/plays.md and docs/console.md, in the order in which the
README leads there, in one shell and one folder of data. Changed are the demo's length, the ports, and the browser.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest
from act_rig import free_port
from page_commands import sh_blocks, started

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20 * 60
GONE_QUIET = 7
BUYERS = 25


def bash_blocks(page: Path) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def orders() -> str:
    """Write a shop's orders: some customers bought every month and then were inactive for 80 days, the others are on time."""
    lines = []
    for customer in range(BUYERS):
        silent = 80 if customer < GONE_QUIET else 5
        name = "ann" if customer == 0 else f"k{customer}"
        lines += [f"{name},{customer}-{ago},{date.today() - timedelta(ago)},59.90" for ago in range(silent, 320, 30)]
    return "\n".join(["customer,order,date,total", *lines]) + "\n"


def script(mail_port: int, web_port: int) -> str:
    """Return the commands of the pages, each part followed by the time at which it ended."""
    (run, *_) = bash_blocks(ROOT / "README.md")
    look, up, take_in, members = bash_blocks(ROOT / "docs" / "first-list.md")[0].splitlines()
    copy, *plays = "".join(sh_blocks((ROOT / "docs" / "plays.md").read_text().split("## From now on")[0])).splitlines()
    (link, *_) = sh_blocks((ROOT / "docs" / "console.md").read_text())
    assert run == "make run\n" and up.startswith("streamer up ") and copy.startswith("cp -r ")
    parts = {
        "demo": ['make -C ../streamer run ARGS="--seconds 30"'],
        "file": [look, up, take_in],
        "members": [members],
        "mail": [
            "streamer worker 2> worker.log &",
            copy,
            f"sed -i 's/8025/{mail_port}/; s/8480/{web_port}/' plays.toml",
            *(line.replace("8025", str(mail_port)) for line in plays),
        ],
        "console": [f"{link.strip()} > ../console.txt"],
    }
    timed = ([*lines, f"echo {part} $(date +%s) >> $STEPS"] for part, lines in parts.items())
    return "\n".join(["set -e", *(line for lines in timed for line in lines)]) + "\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder beside the project ``streamer``, with a file of orders; what runs in it is stopped afterwards."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (tmp_path / "streamer").symlink_to(ROOT)
    (folder / "orders.csv").write_text(orders())
    yield folder
    subprocess.run(
        [sys.executable, "-m", "streamer.cli", "down"], env=environment(folder, 1), check=False, capture_output=True
    )


def environment(desk: Path, web_port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    # About noon, so that no mail waits for the morning.
    zone = f"Etc/GMT{datetime.now(UTC).hour - 12:+}"
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "BROWSER": "true",
        "NO_COLOR": "1",
        "STEPS": str(desk / "steps.txt"),
        "STREAMER_HOME": str(desk / "home"),
        "STREAMER_METRICS_PORT": "0",
        "STREAMER_OWNER_METRICS_PORT": "0",
        "STREAMER_ACT_METRICS_PORT": "0",
        "STREAMER_TIMEZONE": zone,
        "STREAMER_WEB_PORT": str(web_port),
    }


def test_the_first_twenty_minutes(desk: Path) -> None:
    web_port = free_port()
    log = desk / "log.txt"
    begun = time.time()
    with started(script(free_port(), web_port), desk, environment(desk, web_port), log) as shell:
        code = shell.wait(SECONDS)
        assert code == 0, log.read_text()
        steps = dict(line.split() for line in (desk / "steps.txt").read_text().splitlines())
        assert list(steps) == ["demo", "file", "members", "mail", "console"]
        print({name: round(float(at) - begun) for name, at in steps.items()})
        check_demo(log.read_text())
        # None of the demo's customers is among those of the file.
        rows = list(csv.DictReader((desk / "at-risk.csv").read_text().splitlines()))
        assert {row["id"] for row in rows} == {"ann", *(f"k{number}" for number in range(1, GONE_QUIET))}
        check_mail(desk / "plays" / "mailbox" / "new")
        check_console((desk / "console.txt").read_text(), web_port)


def check_demo(log: str) -> None:
    found = re.search(r"(\d+) customers, (\d+) orders", log.replace(",", "", 1))
    assert found is not None and "the first change came" in log, log


def check_mail(box: Path) -> None:
    """Check that Ann got one mail, and its unsubscribe link opens."""
    (mail,) = [message_from_bytes(path.read_bytes()) for path in box.iterdir()]
    assert mail["To"] == "ann@example.org"
    with urlopen(mail["List-Unsubscribe"].strip().strip("<>"), timeout=10) as answer:
        assert answer.status == 200


def check_console(printed: str, web_port: int) -> None:
    """Check that the printed link opens the console, which shows the customers of the file."""
    link = printed.split()[-1]
    assert link.startswith(f"http://127.0.0.1:{web_port}/enter?once="), printed
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(link, timeout=10) as answer:
        assert answer.status == 200
    with browser.open(f"http://127.0.0.1:{web_port}/segments/lifecycle/at_risk", timeout=10) as answer:
        page = answer.read().decode()
    # Ann also has the orders of the page of plays by now, which shorten her usual gap.
    assert ">k1<" in page and "c1-0" not in page
