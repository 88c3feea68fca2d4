"""Channel ``webhook``: a POST by Standard Webhooks, whose id is the message's, so that receivers can drop repeats.

https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import msgspec
from standardwebhooks import Webhook

from schemas.wire_time import iso
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

TIMEOUT_SECONDS: Final = 15
MOST_OF_THE_ANSWER: Final = 65_536
_LONGEST_PAUSE_MS: Final = 86_400_000


class WebhookSender:
    """A `Sender` over HTTP.

    Parameters
    ----------
    secrets
        The secrets of a channel by its name, newest first. Two are signed with while keys are changed.
    """

    def __init__(self, secrets: Callable[[str], Sequence[str]]) -> None:
        self._secrets = secrets
        self._session: aiohttp.ClientSession | None = None

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"user-agent": "streamer"})
        body = msgspec.json.encode(_body(message, rendered))
        headers = signed(message.id, body, self._secrets(channel.name), datetime.now(UTC))
        timeout = aiohttp.ClientTimeout(total=float(channel.options.get("timeout", TIMEOUT_SECONDS)))
        if not await begun():
            return Answer("not_begun")
        try:
            async with self._session.post(
                channel.options["url"], data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                # A receiver that drips or floods must not hold us: of its answer only the status counts.
                await response.content.read(MOST_OF_THE_ANSWER)
                return judge(response.status, response.headers, time.time())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer("retry", f"no answer: {type(error).__name__}", channel_down=True)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _body(message: Message, rendered: Rendered) -> dict[str, object]:
    change = message.change
    return {
        "type": "play.message",
        "timestamp": iso(message.claimed),
        "data": {
            "message_id": message.id,
            "play": message.play,
            "change_event_id": change.event_id,
            "segmentation": change.segmentation,
            "from": None if change.from_segment is None else change.from_segment.id,
            "to": None if change.to_segment is None else change.to_segment.id,
            "changed_at": iso(change.changed_ms),
            **rendered.data,
            "unsubscribe_url": rendered.unsubscribe_url or None,
        },
    }


def signed(id: str, body: bytes, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of a call; ``at`` must be UTC: the library replaces a zone instead of converting it."""
    assert at.tzinfo is UTC
    signatures = " ".join(Webhook(secret).sign(id, at, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }


def judge(status: int, headers: Mapping[str, str], now: float) -> Answer:
    """What a status means; ``now`` in epoch seconds."""
    if 200 <= status < 300:
        return Answer("sent", str(status))
    if status == 410:
        return Answer("refused", "410: the receiver is gone", gone=True)
    after = _retry_after(headers.get("Retry-After"), now) if status in (429, 503) else None
    return Answer("retry", str(status), after=after, channel_down=True)


def _retry_after(said: str | None, now: float) -> int | None:
    """Milliseconds that a Retry-After header asks for, at most a day; None where it says nothing usable."""
    if said is None:
        return None
    if said.strip().isdecimal():
        seconds = float(said)
    else:
        try:
            seconds = parsedate_to_datetime(said).timestamp() - now
        except ValueError:
            return None
    return min(_LONGEST_PAUSE_MS, max(0, round(seconds * 1000)))
