"""Define the kinds of channels: the options of ``[channels.NAME]`` and how each kind sends. A new kind is a new row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from streamer.act.plays.spans import UNITS, rate

_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_SECOND, _MINUTE, _HOUR = UNITS["second"], UNITS["minute"], UNITS["hour"]


@dataclass(frozen=True, slots=True)
class Option:
    """A key of a channel: the type of its value, its meaning, and whether it is required."""

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
        Options of the channel's table, by name.
    check
        Returns the first option whose value has the right type but is unusable, or None.
    parts
        Parts of a message's template.
    trait
        Customer trait with the address to send to; empty if the channel has one receiver for all.
    pauses
        Milliseconds to wait before each retry. The message has failed after the last retry.
    drops_repeats
        Whether receivers detect duplicates by message id, so that a call with an unknown result is repeated.
    key_option
        Option that makes receivers drop duplicates, for kinds where this depends on one.
    to_owner
        Whether messages go to the shop owner and never to a customer, so that the channel carries no marketing.
    is_mail
        Whether marketing must carry the sender's postal address and an unsubscribe link in every part.
    """

    options: Mapping[str, Option] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], Problem | None] = _no_problem
    parts: tuple[str, ...] = ()
    trait: str = ""
    pauses: tuple[int, ...] = ()
    drops_repeats: bool = False
    key_option: str = ""
    to_owner: bool = False
    is_mail: bool = False


def _check_smtp(options: Mapping[str, Any]) -> Problem | None:
    if "@" not in parseaddr(options["from"])[1]:
        message = f"from is not a sender: {options['from']!r}"
        return Problem("from", message, 'for example "Lamp & Leaf <hello@shop.example>"')
    if options.get("tls", "starttls") not in ("starttls", "implicit", "none"):
        return Problem("tls", f"tls cannot be {options['tls']!r}", "use starttls, implicit or none")
    dkim = options.get("dkim")
    if dkim is not None and not (
        set(dkim) == {"selector", "key_file"} and all(isinstance(v, str) for v in dkim.values())
    ):
        return Problem(
            "dkim", f"dkim cannot be {dkim!r}", 'for example { selector = "s1", key_file = "/run/secrets/dkim.pem" }'
        )
    return None


def _check_url(options: Mapping[str, Any]) -> Problem | None:
    if urlsplit(options["url"]).scheme in ("https", "http"):
        return None
    return Problem(
        "url", f"url is not a valid URL: {options['url']!r}", ("for example https://shop.example/hooks/streamer")
    )


def _check_http(options: Mapping[str, Any]) -> Problem | None:
    for name in ("auth", "key_header"):
        if (header := options.get(name)) is not None and not _HEADER.fullmatch(header):
            return Problem(name, f"{name} is not a valid header name: {header!r}", "for example Idempotency-Key")
    if options.get("encoding", "json") not in ("json", "form"):
        return Problem("encoding", f"encoding cannot be {options['encoding']!r}", "use json or form")
    if "=" not in options.get("success", "="):
        return Problem("success", f"success cannot be {options['success']!r}", "for example Code=OK")
    return _check_url(options)


def _check_notify(options: Mapping[str, Any]) -> Problem | None:
    try:
        rate(options.get("digest", "1 a minute"))
    except ValueError as error:
        return Problem("digest", f"digest cannot be {options['digest']!r}", f"it must be {error}")
    return None


# The usual schedule of webhook senders, for which receivers are built.
_RETRIES: Final = (5 * _SECOND, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 10 * _HOUR)

KINDS: Final[Mapping[str, ChannelKind]] = {
    "http": ChannelKind(
        {
            "url": Option(str, "the API's address", needed=True),
            "trait": Option(str, "the customer's trait to send to (phone by default)"),
            "to": Option(str, "a fixed receiver instead of the customer"),
            "key_header": Option(str, "the header by which the API drops repeats, for example Idempotency-Key"),
            "auth": Option(str, "bearer (the default), basic, or the header that carries the secret"),
            "encoding": Option(str, "json (the default) or form"),
            "success": Option(str, "the field of the answer that says so, and its value, for example Code=OK"),
            "timeout": Option(int, "seconds until a call is given up (15 by default)"),
        },
        _check_http,
        parts=("json",),
        trait="phone",
        pauses=_RETRIES,
        key_option="key_header",
    ),
    "kafka": ChannelKind(
        {"topic": Option(str, "the full name of a topic that exists", needed=True)},
        pauses=_RETRIES,
        drops_repeats=True,
    ),
    "log": ChannelKind(parts=("text",), drops_repeats=True),
    "notify": ChannelKind(
        {
            "url_file": Option(str, "a file of apprise addresses, such as wecombot://KEY", needed=True),
            "digest": Option(str, "how often notes come, those in between as one, such as 1 a minute"),
        },
        _check_notify,
        parts=("subject", "text"),
        pauses=(_MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR),
        # A duplicate does no harm, because it is sent to the shop owner.
        drops_repeats=True,
        to_owner=True,
    ),
    "smtp": ChannelKind(
        {
            "host": Option(str, "the mail server", needed=True),
            "port": Option(int, "its port (587 by default)"),
            "from": Option(str, 'the sender, such as "Lamp & Leaf <hello@lampleaf.example>"', needed=True),
            "to": Option(str, "a fixed address: mails go there, to you, instead of to the customer"),
            "user": Option(str, "the user at the server; the password is STREAMER_SMTP_PASSWORD"),
            "tls": Option(str, "starttls (the default), implicit, or none"),
            "ca": Option(str, "a file of certificates to trust instead of the system's"),
            "dkim": Option(dict, "selector and key_file, to sign mails where the provider does not (needs dkimpy)"),
            "unsubscribe_mailbox": Option(str, "an address that a person reads, offered beside the unsubscribe link"),
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
        _check_url,
        pauses=_RETRIES,
        drops_repeats=True,
    ),
}
