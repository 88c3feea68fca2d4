"""Make last week's report for a weekly play, by `streamer report` in a separate process.

Reading a large shop's log takes minutes and memory, and the owner must continue sending meanwhile. A report is kept
until its message is done; a failed one is retried until the message expires.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Container
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, Final

import structlog

from models.messages import Language, messages
from schemas.money import exponent
from streamer.act.heart.state import Message
from streamer.act.heart.weekly import days_of
from streamer.act.render import Attachment, Rendered

log = structlog.get_logger(__name__)

AGAIN_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 1_800.0
Made = tuple[dict[str, Any], bytes]
"""A report as the values of `streamer report --json`, and as a page."""
Maker = Callable[[date, date], Awaitable[Made]]


class Reports:
    """Makes the reports of weekly messages, one at a time.

    Parameters
    ----------
    make
        Makes the report for a period; may raise OSError or ValueError.
    on_ended
        Called when a report is ready or may be retried.
    again
        Seconds from a failure to the next attempt.
    """

    def __init__(
        self,
        make: Maker,
        language: Language,
        on_ended: Callable[[], None] = lambda: None,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._make = make
        self._language = language
        self._on_ended = on_ended
        self._again = again
        self._made: dict[str, Made] = {}
        self._task: asyncio.Task[None] | None = None

    def of(self, message: Message) -> Rendered | None:
        """Return a message's texts with the report's page attached; None until its report is ready."""
        made = self._made.get(message.id)
        if made is not None:
            return letter(*made, self._language)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._fill(message), name=f"report-{message.id}")
        return None

    def keep(self, waiting: Container[str]) -> None:
        """Drop the reports of messages that are not among these ids."""
        for id in [id for id in self._made if id not in waiting]:
            del self._made[id]

    async def close(self) -> None:
        """Stop making a report."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _fill(self, message: Message) -> None:
        first, last = days_of(message)
        try:
            self._made[message.id] = await self._make(first, last)
        except (OSError, ValueError) as error:
            log.warning("failed to generate a weekly play's report", play=message.play, error=str(error)[:500])
            await asyncio.sleep(self._again)
        self._on_ended()


async def made_by_command(first: date, last: date) -> Made:
    """Run `streamer report` for the days. Raises OSError or ValueError if it fails."""
    with tempfile.TemporaryDirectory(prefix="streamer-report-") as folder:
        page = Path(folder) / "report.html"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "streamer", "report", "--from", first.isoformat(), "--to", last.isoformat()),
            *("--html", str(page), "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        with contextlib.suppress(OSError):
            # Sending takes precedence.
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                answer, errors = await process.communicate()
        except TimeoutError:
            raise OSError(f"no report after {LONGEST_SECONDS:.0f} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise OSError(errors.decode(errors="replace").strip() or f"exit status {process.returncode}")
        return json.loads(answer), page.read_bytes()


def letter(found: dict[str, Any], page: bytes, language: Language) -> Rendered:
    """Return a report as a message: the figures as text and HTML, with the page attached."""
    texts = messages(language)
    title = texts("report title", first=found["from"], last=found["to"])
    minor = 10 ** exponent(found["currency"])

    def sum_of(amount: int) -> str:
        return f"{amount / minor:,.2f} {found['currency']}"

    lines = [
        f"{texts('console customers')}: {found['customers']:,}",
        f"{texts('console orders')}: {found['this_week']['orders']:,} ({found['last_week']['orders']:,})",
        f"{texts('console revenue')}: {sum_of(found['this_week']['revenue_minor'])} "
        f"({sum_of(found['last_week']['revenue_minor'])})",
    ]
    for name, one in found["period"].items():
        rows = [row for row in one["segments"] if row["customers"] or row["before"]]
        if rows:
            lines += ["", texts.segmentation(name)]
        lines += [f"  {row['name']}: {row['customers']:,} ({row['customers'] - row['before']:+,})" for row in rows]
    text = "\n".join([title, "", *lines, ""])
    html = f"<h1>{escape(title)}</h1><p>{'<br>'.join(escape(line) for line in lines)}</p>"
    parts = {
        "subject": title,
        "text": text,
        "html": f'<!doctype html><html lang="{language}"><body>{html}</body></html>',
    }
    return Rendered(language, parts, {"report": found}, "", Attachment(f"report-{found['to']}.html", page))
