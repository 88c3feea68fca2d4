"""Channel ``smtp``: send one mail to one recipient step by step, to tell certain failures from doubtful ones.

A failure up to ``rcpt`` is certain: the server accepted nothing. From ``data`` on, a response with a code is a
rejection, and a lost connection or a timeout is in doubt: the server may have accepted the mail.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any, Final, Literal

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from streamer.act.channels.dkim import signed
from streamer.act.heart.settle import Answer
from streamer.act.heart.state import Message
from streamer.act.plays.book import Channel
from streamer.act.ports import Begin
from streamer.act.render import Rendered

TIMEOUT_SECONDS: Final = 30
SUBMISSION_PORT: Final = 587
_LINKS: Final = "List-Unsubscribe"


class _WholeLinks(EmailPolicy):
    """The SMTP mail policy, except that links stay whole and in plain text, one per line.

    The standard library folds an address longer than a line into encoded words (RFC 2047), which mail clients do not
    decode in `List-Unsubscribe`, so they would not offer one-click unsubscribe.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name == _LINKS:
            return f"{name}: {str(value).replace(', ', f',{self.linesep} ')}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_POLICY: Final = _WholeLinks(linesep="\r\n")


class SmtpSender:
    """A `Sender` for mail.

    Parameters
    ----------
    password
        Returns the password of the mail server's user, or None.
    """

    def __init__(self, password: Callable[[], str | None]) -> None:
        self._password = password

    async def send(self, channel: Channel, message: Message, rendered: Rendered, address: str, begun: Begin) -> Answer:
        address = address or channel.options["to"]
        sender = parseaddr(channel.options["from"])[1]
        try:
            mail = _as_bytes(channel, letter(channel, message, rendered, address), sender)
        except (OSError, ValueError, ImportError) as error:
            return Answer("retry", str(error), channel_down=True)
        server = _server(channel)
        try:
            try:
                await server.connect()
                if (user := channel.options.get("user")) is not None:
                    await server.login(user, self._password() or "")
                await server.mail(sender)
            except (SMTPException, OSError, TimeoutError, ValueError) as error:
                return _safe(error, channel_down=True)
            try:
                await server.rcpt(address)
            except (SMTPException, OSError, TimeoutError, ValueError) as error:
                return _safe(error, channel_down=not isinstance(error, SMTPResponseException))
            if not await begun():
                return Answer("not_begun")
            try:
                reply = await server.data(mail)
            except SMTPResponseException as error:
                return _safe(error, channel_down=False)
            except (SMTPException, OSError, TimeoutError) as error:
                return Answer("doubt", f"the connection ended in the mail: {type(error).__name__}", channel_down=True)
            return Answer("sent", str(reply.code))
        finally:
            # Nothing after the final response changes the result.
            server.close()

    async def close(self) -> None:
        """Do nothing: each mail has its own connection."""


def _as_bytes(channel: Channel, mail: EmailMessage, sender: str) -> bytes:
    """Return the bytes to send, with a DKIM signature if the channel has a key. Raises the errors of `dkim.signed`."""
    raw = mail.as_bytes(policy=_POLICY)
    if (dkim := channel.options.get("dkim")) is None:
        return raw
    return signed(raw, sender.partition("@")[2], dkim["selector"], dkim["key_file"])


def _server(channel: Channel) -> SMTP:
    options = channel.options
    tls = options.get("tls", "starttls")
    context = ssl.create_default_context(cafile=options.get("ca")) if tls != "none" else None
    return SMTP(
        hostname=options["host"],
        port=options.get("port", 465 if tls == "implicit" else SUBMISSION_PORT),
        use_tls=tls == "implicit",
        start_tls=tls == "starttls",
        tls_context=context,
        timeout=TIMEOUT_SECONDS,
    )


def _safe(error: Exception, channel_down: bool) -> Answer:
    """Return the answer for a failure that certainly left the server without mail. 5xx is final, others may be retried."""
    if isinstance(error, SMTPResponseException):
        kind: Literal["refused", "retry"] = "refused" if error.code >= 500 else "retry"
        # The server's text often contains the address.
        return Answer(kind, str(error.code), channel_down=channel_down)
    return Answer("retry", type(error).__name__, channel_down=channel_down)


def letter(channel: Channel, message: Message, rendered: Rendered, address: str) -> EmailMessage:
    """Return the mail as text and HTML, with headers that make mail clients offer to unsubscribe (RFC 8058)."""
    name, sender = parseaddr(channel.options["from"])
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = rendered.parts["subject"]
    mail["From"] = Address(name, addr_spec=sender)
    mail["To"] = Address(addr_spec=address)
    mail["Date"] = format_datetime(datetime.fromtimestamp(message.claimed / 1000, UTC))
    mail["Message-ID"] = f"<{message.id}@{sender.partition('@')[2]}>"
    mail["Content-Language"] = rendered.language
    if rendered.unsubscribe_url:
        mail[_LINKS] = ", ".join(_ways_to_leave(channel, message, rendered))
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(rendered.parts["text"])
    mail.add_alternative(rendered.parts["html"], subtype="html")
    if (page := rendered.attachment) is not None:
        mail.add_attachment(page.page, maintype="text", subtype="html", filename=page.name, params={"charset": "utf-8"})
    return mail


def _ways_to_leave(channel: Channel, message: Message, rendered: Rendered) -> list[str]:
    """Return the addresses of ``List-Unsubscribe``: the page, and a mail address if the channel has one."""
    mailbox = channel.options.get("unsubscribe_mailbox")
    return [
        f"<{rendered.unsubscribe_url}>",
        *([] if mailbox is None else [f"<mailto:{mailbox}?subject=unsubscribe%20{message.id}>"]),
    ]
