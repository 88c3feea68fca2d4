"""Plays in a live stack: a file that sends into the log of `act`, so that the board Plays has data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from grafana.live import Stack

_PLAYS: Final = """
[shop]
name = "Lamp & Leaf"
address = "1 Leaf Street, 10115 Berlin"
[limits]
per_customer = ["1000 a day"]
quiet = "none"
storm = "100000 % of customers in 1 hour"
[channels.console]
kind = "log"
"""
_PLAY: Final = """
[plays.{name}]
when = {{ segmentation = "{segmentation}", to = [{to}] }}
again = "0 seconds"
holdout = 0.5
budget = "100000 a day"
only_safe = false
channel = "console"
template = "note"
measure = {{ goal = "order", within = "2 seconds" }}
{more}
"""


def act(stack: Stack) -> None:
    """Run `act`, load coupons, and start two plays that answer whatever the simulated shop does live."""
    folder = stack.folder / "plays"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "note.en.text").write_text("{{ customer.id }} {{ why }}")
    (folder / "templates" / "coupon.en.text").write_text("{{ customer.id }} {{ coupon.code }}")
    thanks = _PLAY.format(name="thanks", segmentation="lifecycle", to='"new", "active", "loyal", "champion"', more="")
    gift = _PLAY.format(
        name="gift", segmentation="value", to='"medium", "high", "top"', more='coupon = { pool = "gift10" }'
    )
    (folder / "plays.toml").write_text(_PLAYS + thanks + gift.replace('"note"', '"coupon"'))
    (folder / "codes.txt").write_text("\n".join(f"GIFT-{number:04}" for number in range(500)))
    stack.run("act")
    for words in (
        ("coupons", "load", "gift10", "codes.txt"),
        ("plays", "start", "thanks"),
        ("plays", "start", "gift"),
    ):
        _streamer(stack, folder, *words)


def _streamer(stack: Stack, folder: Path, *words: str) -> None:
    """Run a streamer command beside the stack. Raises if it fails."""
    program = Path(sys.executable).parent / "streamer"
    subprocess.run(
        [program, *words], cwd=folder, env=stack.variables("act"), check=True, capture_output=True, timeout=120
    )
