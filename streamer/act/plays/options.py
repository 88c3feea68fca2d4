"""What each kind of channel can be told in ``[channels.NAME]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a channel: the type of its value, what it means, and whether it must be there."""

    type: Any
    meaning: str
    needed: bool = False


def wrong(kind: str, options: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Which option of a channel is not usable, what is wrong with it, and how to fix it; None for none."""
    if kind == "smtp":
        if "@" not in parseaddr(options["from"])[1]:
            return "from", f"from is not a sender: {options['from']!r}", 'such as "Lamp & Leaf <hello@shop.example>"'
        if options.get("tls", "starttls") not in ("starttls", "implicit", "none"):
            return "tls", f"tls cannot be {options['tls']!r}", "it is starttls, implicit or none"
    if kind == "webhook" and urlsplit(options["url"]).scheme not in ("https", "http"):
        return "url", f"url is not an address: {options['url']!r}", "such as https://shop.example/hooks/streamer"
    return None


OPTIONS: Final[Mapping[str, Mapping[str, Option]]] = {
    "log": {},
    "smtp": {
        "host": Option(str, "the mail server", needed=True),
        "port": Option(int, "its port; 587 where it is not said"),
        "from": Option(str, 'the sender, such as "Lamp & Leaf <hello@lampleaf.example>"', needed=True),
        "to": Option(str, "a fixed address: mails go there, to you, instead of to the customer"),
        "user": Option(str, "the user at the server; the password is STREAMER_SMTP_PASSWORD"),
        "tls": Option(str, "starttls (as usual), implicit, or none"),
        "ca": Option(str, "a file of certificates to trust instead of the system's"),
    },
    "webhook": {
        "url": Option(str, "where to post", needed=True),
        "timeout": Option(int, "seconds until a call is given up; 15 where it is not said"),
    },
}
