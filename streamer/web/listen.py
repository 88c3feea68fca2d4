"""Open the web process's socket, on the configured port or on a free one if another program uses that."""

from __future__ import annotations

import socket
from errno import EADDRINUSE

import structlog

from schemas.errors import UserError
from streamer.client import presence
from streamer.config.settings import Settings
from streamer.config.settings_sources import DEFAULT, variable

_BACKLOG = 2_048
_log = structlog.get_logger()


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    UserError
        A process of this home already serves, the address is unusable, or an explicitly chosen port is taken.
    """
    url = presence.url_of(settings.home)
    if url is not None:
        raise presence.served_already(url)
    host, port = settings.web_host, settings.web_port
    try:
        return _open(host, port)
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise UserError(
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                ("set STREAMER_WEB_HOST to an address of this machine"),
            ) from None
    origins = {one.name: one.origin for one in settings.in_force()}
    if origins[variable("web_port")] != DEFAULT:
        raise UserError(
            f"port {port} is in use by another program", ("stop that program, or set STREAMER_WEB_PORT to another port")
        )
    found = _open(host, 0)
    _log.warning("web port is in use by another program; using a free one", taken=port, port=port_of(found))
    return found


def url_of(settings: Settings, opened: socket.socket) -> str:
    """Return the URL for a browser on this machine."""
    return f"http://{local(settings.web_host)}:{port_of(opened)}"


def local(host: str) -> str:
    """Return the host name by which this machine reaches a listening address.

    >>> local("0.0.0.0"), local("::1")
    ('127.0.0.1', '[::1]')
    """
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def port_of(opened: socket.socket) -> int:
    return int(opened.getsockname()[1])


def _open(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=host == "::")
    # Accepted connections inherit this. An answer is sent as head and body, and without it each body waits up to 40 ms
    # until the client acknowledges the head. asyncio sets it only for sockets that name TCP as their protocol.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found
