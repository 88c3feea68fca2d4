"""Test that a failed background task runs again, and a cancelled one ends."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from streamer.web.following import kept_running


def test_a_task_that_fails_is_logged_and_runs_again() -> None:
    runs: list[int] = []

    async def follow() -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise ZeroDivisionError("a shop without customers")

    with capture_logs() as logs:
        asyncio.run(kept_running("the page", follow, pause=0))
    assert runs == [0, 1, 2]
    assert [(one["task"], one["error"]) for one in logs] == [
        ("the page", "ZeroDivisionError('a shop without customers')")
    ] * 2


def test_a_task_that_is_cancelled_ends() -> None:
    async def scenario() -> None:
        task = asyncio.ensure_future(kept_running("the page", asyncio.Event().wait))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
