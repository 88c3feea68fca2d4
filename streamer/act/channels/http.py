"""Channel ``http``: POST to the API of an SMS provider, or to any API that takes a template id and parameters.

The template is JSON whose strings are templates, so no value can break out of its field. With ``key_header`` the
receiver drops duplicates of a message; without it a call with an unknown result is in doubt.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
import msgspec

from streamer.act.channels.answers import MOST_OF_THE_ANSWER, retry_after
from streamer.act.channels.body import trace_headers
from streamer.act.channels.http_session import HttpSession
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

TIMEOUT_SECONDS: Final = 15
_CONNECT_SECONDS: Final = 5
_LATER: Final = frozenset({408, 409, 425, 429, 501, 503})
"""Nothing was done, and a retry is welcome. 409 means that a call with the same key is still in progress."""
_OURS: Final = frozenset({401, 403, 404, 405})
"""The channel is misconfigured: the receiver would reject every message, so all of them wait."""


class HttpSender:
    """A `Sender` for HTTP APIs.

    Parameters
    ----------
    secret
        Returns a channel's secret by channel name, or None.
    """

    def __init__(self, secret: Callable[[str], str | None]) -> None:
        self._secret = secret
        self._session = HttpSession()

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        options = channel.options
        headers = {**authorization(options, self._secret(channel.name)), **trace_headers(message)}
        if "key_header" in options:
            headers[options["key_header"]] = message.id
        text = rendered.parts["json"]
        form = msgspec.json.decode(text) if options.get("encoding") == "form" else None
        if form is None:
            headers["content-type"] = "application/json"
        timeout = aiohttp.ClientTimeout(
            total=float(options.get("timeout", TIMEOUT_SECONDS)), sock_connect=_CONNECT_SECONDS
        )
        if not await begun():
            return Answer("not_begun")
        try:
            async with self._session().post(
                options["url"],
                data=text.encode() if form is None else {name: str(value) for name, value in form.items()},
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(MOST_OF_THE_ANSWER)
                return judge(response.status, response.headers, answer, options, time.time())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            return Answer("retry", f"no connection: {type(error).__name__}", channel_down=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer("doubt", f"no answer: {type(error).__name__}", channel_down=True)

    async def close(self) -> None:
        await self._session.close()


def authorization(options: Mapping[str, Any], secret: str | None) -> dict[str, str]:
    """Return the authentication header; ``auth`` is ``bearer``, ``basic``, or the name of a header for the bare secret.

    >>> authorization({"auth": "basic"}, "user:word")
    {'authorization': 'Basic dXNlcjp3b3Jk'}
    >>> authorization({"auth": "X-Api-Key"}, "word")
    {'X-Api-Key': 'word'}
    """
    if secret is None:
        return {}
    match options.get("auth", "bearer"):
        case "bearer":
            return {"authorization": f"Bearer {secret}"}
        case "basic":
            return {"authorization": f"Basic {b64encode(secret.encode()).decode()}"}
        case name:
            return {name: secret}


def judge(status: int, headers: Mapping[str, str], body: bytes, options: Mapping[str, Any], now: float) -> Answer:
    """Interpret a response; ``now`` is in epoch seconds.

    A 4xx rejects only this message. A wrong key or address of the API is the channel's fault, and messages wait. After
    a 5xx the API may have accepted the message anyway, which matters if it does not drop duplicates.
    """
    if 200 <= status < 300:
        return _by_body(status, body, options.get("success"))
    if status in _OURS or 300 <= status < 400:
        return Answer("retry", f"{status}: check the address and the secret of the channel", channel_down=True)
    if status in _LATER:
        return Answer("retry", str(status), after=retry_after(headers.get("Retry-After"), now), channel_down=True)
    if 400 <= status < 500:
        return Answer("refused", str(status))
    return Answer("doubt", str(status), channel_down=True)


def _by_body(status: int, body: bytes, success: str | None) -> Answer:
    """Interpret the body, because many APIs reject with a 200. ``success`` is a field and its value, ``Code=OK``."""
    if success is None:
        return Answer("sent", str(status))
    path, _, wanted = success.partition("=")
    try:
        found = msgspec.json.decode(body)
        for name in path.split("."):
            found = found[int(name)] if isinstance(found, list) else found[name]
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
        return Answer("doubt", f"{status}, and no {path} in the answer")
    if str(found) == wanted:
        return Answer("sent", f"{path}={wanted}")
    return Answer("refused", f"{path}={str(found)[:100]}")
