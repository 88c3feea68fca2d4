"""Test lookups on demand: shared, cached briefly, and never waited for longer than allowed."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from streamer.web.console.fresh import Fresh


def test_a_slow_look_is_not_waited_for_and_goes_on() -> None:
    gate, looks = threading.Event(), []

    def look() -> int:
        looks.append(1)
        assert gate.wait(10)
        return len(looks)

    async def visit() -> None:
        fresh = Fresh(look, 0.0)
        begun = time.monotonic()
        assert await fresh.soon(0.05) == (None, False)
        assert await fresh.soon(0.05) == (None, False) and time.monotonic() - begun < 5
        assert len(looks) == 1, "those who come together share one look"
        gate.set()
        seen, is_fresh = await fresh.soon(10)
        assert seen is not None and seen.value == 1 and is_fresh
        gate.clear()
        seen, is_fresh = await fresh.soon(0.05)
        assert seen is not None and seen.value == 1 and not is_fresh, "what was known before"
        gate.set()

    asyncio.run(visit())


def test_a_look_that_fails_says_so_and_is_tried_again() -> None:
    answers: list[OSError | int] = [OSError("away"), 7]

    def look() -> int:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def visit() -> None:
        fresh = Fresh(look, 60.0)
        with pytest.raises(OSError, match="away"):
            await fresh.soon(10)
        seen, is_fresh = await fresh.soon(10)
        assert seen is not None and seen.value == 7 and is_fresh

    asyncio.run(visit())
