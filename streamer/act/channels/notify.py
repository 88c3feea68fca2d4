"""Channel ``notify``: notify the shop owner by WeCom, DingTalk, Feishu, Telegram and other services of apprise.

Apprise reports only whether everything succeeded, so a note may arrive twice rather than not at all: this channel is
for the shop owner, never for customers. With ``digest``, the notes of an interval are sent as one, because group robots
accept only a few per minute.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from models.messages.count import Count
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays import spans
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

TIMEOUT_SECONDS: Final = 20
MOST_BYTES: Final = 4_000
"""WeCom robots reject more than 4,096 bytes."""
_GAP: Final = "\n\n"


class NotifySender:
    """A `Sender` to the shop owner."""

    def __init__(self) -> None:
        self._digests: dict[str, _Digest] = {}

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        digest = self._digests.get(channel.name)
        if digest is None or digest.channel != channel:
            digest = self._digests[channel.name] = _Digest(channel)
        return await digest.add(rendered.parts["subject"], rendered.parts["text"], begun)

    async def close(self) -> None:
        """Do nothing: each note has its own connection."""


class _Digest:
    """The notes of one channel that wait for the next digest."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        rate = channel.options.get("digest")
        # Without a digest, each note is sent alone.
        self._pause = 0.0 if rate is None else spans.rate(rate).per / spans.rate(rate).count / 1000
        self._waiting: list[tuple[str, str, Begin, asyncio.Future[Answer]]] = []
        self._sender: asyncio.Task[None] | None = None
        self._last = float("-inf")

    async def add(self, title: str, text: str, begun: Begin) -> Answer:
        """Send a note, together with others that arrive before the next digest is due."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((title, text, begun, done))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_later(), name=f"notify-{self.channel.name}")
        return await done

    async def _send_later(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(0.0, self._last + self._pause - time.monotonic()))
            self._last = time.monotonic()
            most = None if self._pause else 1
            notes, self._waiting = self._waiting[:most], [] if most is None else self._waiting[most:]
            ready = []
            for title, text, begun, done in notes:
                if done.cancelled():
                    continue
                if await begun():
                    ready.append((title, text, done))
                else:
                    done.set_result(Answer("not_begun"))
            if ready:
                answer = await self._note([(title, text) for title, text, _ in ready])
                for *_, done in ready:
                    if not done.done():
                        done.set_result(answer)

    async def _note(self, notes: Sequence[tuple[str, str]]) -> Answer:
        title, text = digest_of(notes)
        try:
            servers = _servers(Path(self.channel.options["url_file"]))
            async with asyncio.timeout(TIMEOUT_SECONDS):
                good = await servers.async_notify(body=text, title=title)
        except (OSError, ValueError, ImportError) as error:
            return Answer("retry", str(error)[:200] or type(error).__name__, channel_down=True)
        except Exception as error:  # apprise plugins may raise any exception of their services
            return Answer("retry", type(error).__name__, channel_down=True)
        return (
            Answer("sent", f"{Count(len(notes)):|note}")
            if good
            else Answer("retry", "not delivered", channel_down=True)
        )


def _servers(path: Path) -> Any:
    """Return all addresses in the file, one per line. Raises OSError, ValueError, or ImportError without apprise."""
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise ImportError("the channel notify needs apprise: pip install apprise") from None
    servers = Apprise(asset=AppriseAsset(secure_logging=True, storage_mode="memory"))
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    if not wanted or not all(servers.add(line) for line in wanted):
        # The addresses contain the keys of robots, so never show one.
        raise ValueError(f"{path} holds no address that apprise knows")
    return servers


def digest_of(notes: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return title and text of several notes as one, truncated at a whole character.

    >>> digest_of([("ann may leave", "Call her."), ("bob may leave", "Call him.")])
    ('ann may leave (+1)', 'ann may leave\\nCall her.\\n\\nbob may leave\\nCall him.')
    """
    if len(notes) == 1:
        return notes[0][0], _cut(notes[0][1].strip())
    text = _GAP.join(f"{title}\n{text.strip()}" for title, text in notes)
    return f"{notes[0][0]} (+{len(notes) - 1})", _cut(text)


def _cut(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MOST_BYTES else raw[: MOST_BYTES - 3].decode(errors="ignore") + "…"
