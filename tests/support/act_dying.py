"""Run an ``act`` that kills or freezes itself at one of six points of a message's life, named by ``ACT_DIE=POINT``.

The points are those of the design: before a plan is committed, after it, after a claim, during a call or before its
answer is committed, and after its answer is committed; or frozen right after a claim. ``ACT_DIE_AFTER`` skips that many
times.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from typing import Any

from streamer.act.channels.smtp import SmtpSender
from streamer.act.channels.webhook import WebhookSender
from streamer.act.owner import ActOwner
from streamer.runtime.process import main

BEFORE_PLAN, PLANNED, CLAIMED, CALLING, SETTLED, FROZEN = POINTS = (1, 2, 3, 4, 5, 6)
LONGEST_CALL = 0.08


def strike(number: signal.Signals = signal.SIGKILL) -> None:
    """Kill or freeze this process."""
    os.kill(os.getpid(), number)


def arm(point: int, after: int) -> None:
    """Make this process strike itself at the point, after skipping it that many times."""
    left, commit = after, ActOwner._commit

    def due() -> bool:
        nonlocal left
        left -= 1
        return left == -1

    async def watched(self: ActOwner, outcome: Any) -> None:
        steps = {step.type for step in outcome.steps}
        planned = "message.planned" in steps
        if point == BEFORE_PLAN and planned and due():
            strike()
        await commit(self, outcome)
        if (
            (point == PLANNED and planned)
            or (point == CLAIMED and "message.sending" in steps)
            or (point == SETTLED and "message.sent" in steps)
        ) and due():
            strike()
        if point == FROZEN and "message.sending" in steps and due():
            strike(signal.SIGSTOP)

    ActOwner._commit = watched  # type: ignore[method-assign]
    if point == CALLING:
        for sender in (SmtpSender, WebhookSender):
            _during_a_call(sender, due)


def _during_a_call(sender: Any, due: Any) -> None:
    send = sender.send

    async def watched(self: Any, channel: Any, message: Any, rendered: Any, address: str, begun: Any) -> Any:
        async def begin() -> bool:
            allowed = bool(await begun())
            if allowed and due():
                asyncio.get_running_loop().call_later(random.uniform(0, LONGEST_CALL), strike)
            return allowed

        return await send(self, channel, message, rendered, address, begin)

    sender.send = watched


if __name__ == "__main__":
    # Only here, because the doctest collector imports this module into the test process.
    arm(int(os.environ["ACT_DIE"]), int(os.environ.get("ACT_DIE_AFTER", "0")))
    sys.exit(main())
