"""Channel ``webhook``: POST by Standard Webhooks with the message id, so that receivers can drop duplicates.

https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import aiohttp
from standardwebhooks import Webhook

from streamer.act.channels.answers import MOST_OF_THE_ANSWER, retry_after
from streamer.act.channels.body import body, trace_headers
from streamer.act.channels.http_session import HttpSession
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

TIMEOUT_SECONDS: Final = 15


class WebhookSender:
    """A `Sender` that uses HTTP.

    Parameters
    ----------
    secrets
        Returns a channel's secrets by channel name, newest first. During a key change both sign.
    """

    def __init__(self, secrets: Callable[[str], Sequence[str]]) -> None:
        self._secrets = secrets
        self._session = HttpSession()

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        data = body(message, rendered)
        headers = signed(message.id, data, self._secrets(channel.name), datetime.now(UTC)) | trace_headers(message)
        timeout = aiohttp.ClientTimeout(total=float(channel.options.get("timeout", TIMEOUT_SECONDS)))
        if not await begun():
            return Answer("not_begun")
        try:
            async with self._session().post(
                channel.options["url"], data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                # Only the status of the response counts.
                await response.content.read(MOST_OF_THE_ANSWER)
                return judge(response.status, response.headers, time.time())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer("retry", f"no answer: {type(error).__name__}", channel_down=True)

    async def close(self) -> None:
        await self._session.close()


def signed(id: str, body: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Return the signature headers of a call.

    ``at`` must be UTC, because the library replaces a zone instead of converting it.
    """
    assert at.tzinfo is UTC
    signatures = " ".join(Webhook(secret).sign(id, at, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }


def judge(status: int, headers: Mapping[str, str], now: float) -> Answer:
    """Interpret a status; ``now`` is in epoch seconds."""
    if 200 <= status < 300:
        return Answer("sent", str(status))
    if status == 410:
        return Answer("refused", "410: the receiver is gone", gone=True)
    after = retry_after(headers.get("Retry-After"), now) if status in (429, 503) else None
    return Answer("retry", str(status), after=after, channel_down=True)
