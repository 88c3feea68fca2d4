"""Track channel calls in progress, each in its own task."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Journal, Sender
from streamer.act.render import Rendered

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make once its claim is committed."""

    message: Message
    attempt: int
    channel: Channel
    rendered: Rendered
    address: str


class Calls:
    """Makes calls whose claims are committed, and keeps their results until the owner collects them.

    Parameters
    ----------
    senders
        Senders by kind of channel.
    owns
        Returns whether no other process can be the owner. Checked right before a call begins.
    on_answer
        Called when a call has ended.
    on_call
        Called after each call that was begun, with its channel and duration in seconds.

    Attributes
    ----------
    under_way
        Number of claimed or begun calls, by channel name.
    """

    def __init__(
        self,
        senders: Mapping[str, Sender],
        journal: Journal,
        owns: Callable[[], bool],
        on_answer: Callable[[], None],
        on_call: Callable[[str, float], None] = lambda channel, seconds: None,
    ) -> None:
        self.under_way: Counter[str] = Counter()
        self._senders = senders
        self._journal = journal
        self._owns = owns
        self._on_answer = on_answer
        self._on_call = on_call
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[tuple[str, int, Answer]] = []

    def __bool__(self) -> bool:
        """Return whether any call is in progress."""
        return bool(self._tasks)

    @property
    def answered(self) -> bool:
        """Whether `answers` has results to return."""
        return bool(self._answers)

    def begin(self, call: Call) -> None:
        """Begin a call."""
        task = asyncio.create_task(self._call(call), name=f"call-{call.message.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def answers(self) -> list[tuple[str, int, Answer]]:
        """Return the results since the last call of `answers`: message id, attempt, answer."""
        answers, self._answers = self._answers, []
        return answers

    async def ended(self, seconds: float) -> None:
        """Wait until all calls have ended, at most ``seconds``."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """Cancel the calls in progress."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close connections and the journal."""
        for sender in self._senders.values():
            await sender.close()
        self._journal.close()

    async def _call(self, call: Call) -> None:
        """Make one call. Writes the journal only if a repeat would do harm."""
        id, attempt, keyed = call.message.id, call.attempt, call.channel.keyed
        begun, since = False, time.monotonic()

        async def begin() -> bool:
            nonlocal begun
            if not self._owns():
                return False
            if not keyed:
                await self._journal.begin(id, attempt)
            begun = self._owns()
            return begun

        try:
            sender = self._senders[call.channel.kind]
            answer = await sender.send(call.channel, call.message, call.rendered, call.address, begin)
            if begun and not keyed:
                await self._journal.answered(id, attempt, answer)
        except asyncio.CancelledError:
            answer = Answer("doubt" if begun else "not_begun", "the process was stopped during the call")
        except Exception as error:  # a bug in one channel must not stop the others
            log.error("channel failed", channel=call.channel.name, error=repr(error), exc_info=error)
            answer = Answer("doubt" if begun else "retry", repr(error)[:200], channel_down=True)
        if begun:
            self._on_call(call.channel.name, time.monotonic() - since)
        self.under_way[call.channel.name] -= 1
        self._answers.append((id, attempt, answer))
        self._on_answer()
