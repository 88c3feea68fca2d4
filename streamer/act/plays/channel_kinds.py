"""The kinds of channels: the options of ``[channels.NAME]`` and how each kind sends. A new kind is a row of `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from streamer.act.plays.spans import UNITS

_SECOND, _MINUTE, _HOUR = UNITS["second"], UNITS["minute"], UNITS["hour"]


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a channel: the type of its value, what it means, and whether it must be there."""

    type: Any
    meaning: str
    needed: bool = False


class Problem(NamedTuple):
    """An option with an unusable value."""

    option: str
    message: str
    hint: str


def _no_problem(options: Mapping[str, Any]) -> Problem | None:
    return None


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """How channels of one kind are configured and how their messages are rendered and retried.

    Attributes
    ----------
    options
        The keys of its table by name.
    check
        The first option whose value is of the right type and still unusable, or None.
    parts
        The parts of a message's template.
    trait
        The customer's trait with the address to send to; empty where the channel has one receiver for all.
    pauses
        Milliseconds to wait before each retry. After the last one the message has failed.
    drops_repeats
        Whether receivers recognise a repeat by the message's id, so that a call with an unknown result is made again.
    is_mail
        Whether marketing must carry the sender's postal address and an unsubscribe link in every part.
    """

    options: Mapping[str, Option] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], Problem | None] = _no_problem
    parts: tuple[str, ...] = ()
    trait: str = ""
    pauses: tuple[int, ...] = ()
    drops_repeats: bool = False
    is_mail: bool = False


def _check_smtp(options: Mapping[str, Any]) -> Problem | None:
    if "@" not in parseaddr(options["from"])[1]:
        message = f"from is not a sender: {options['from']!r}"
        return Problem("from", message, 'such as "Lamp & Leaf <hello@shop.example>"')
    if options.get("tls", "starttls") not in ("starttls", "implicit", "none"):
        return Problem("tls", f"tls cannot be {options['tls']!r}", "it is starttls, implicit or none")
    return None


def _check_webhook(options: Mapping[str, Any]) -> Problem | None:
    if urlsplit(options["url"]).scheme in ("https", "http"):
        return None
    return Problem("url", f"url is not an address: {options['url']!r}", "such as https://shop.example/hooks/streamer")


KINDS: Final[Mapping[str, ChannelKind]] = {
    "log": ChannelKind(parts=("text",), drops_repeats=True),
    "smtp": ChannelKind(
        {
            "host": Option(str, "the mail server", needed=True),
            "port": Option(int, "its port (587 by default)"),
            "from": Option(str, 'the sender, such as "Lamp & Leaf <hello@lampleaf.example>"', needed=True),
            "to": Option(str, "a fixed address: mails go there, to you, instead of to the customer"),
            "user": Option(str, "the user at the server; the password is STREAMER_SMTP_PASSWORD"),
            "tls": Option(str, "starttls (the default), implicit, or none"),
            "ca": Option(str, "a file of certificates to trust instead of the system's"),
        },
        _check_smtp,
        parts=("subject", "html", "text"),
        trait="email",
        pauses=(5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR),
        is_mail=True,
    ),
    "webhook": ChannelKind(
        {
            "url": Option(str, "where to post", needed=True),
            "timeout": Option(int, "seconds until a call is given up (15 by default)"),
        },
        _check_webhook,
        # The schedule that senders of webhooks share; receivers are built for it.
        pauses=(5 * _SECOND, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 10 * _HOUR),
        drops_repeats=True,
    ),
}
