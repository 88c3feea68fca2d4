"""Channel ``log``: write the message to the process log, to try out a play."""

from __future__ import annotations

import structlog

from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

log = structlog.get_logger(__name__)


class LogSender:
    """A `Sender` that only logs."""

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        if not await begun():
            return Answer("not_begun")
        log.info("message", play=message.play, message_id=message.id, text=rendered.parts["text"])
        return Answer("sent")

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
