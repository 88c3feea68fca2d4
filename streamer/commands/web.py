"""``web``: serve the console, the lookup API, the collector, and the unsubscribe pages."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from streamer.client.connections import connections
from streamer.commands import common


def register(app: typer.Typer) -> None:
    app.command("web")(web)


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: STREAMER_WEB_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: STREAMER_WEB_PORT.")] = None,
    open: Annotated[
        bool, typer.Option("--open", help="Print a single-use link to the console, and open it in the browser.")
    ] = False,
) -> None:
    """Serve the console, the HTTP API and the pages that message links open, until Ctrl-C.

    If the console is already running, --open only prints a new link. Put a TLS proxy in front of it (docs/plays.md).

    Example:  streamer web --open
    """
    found = common.settings({"web_host": host, "web_port": port})
    from streamer.web.console.sessions import console_url, is_served

    if open:
        link = console_url(found)
        common.console().print(f"Console: {link}", markup=False, soft_wrap=True)
        if is_served(found):
            webbrowser.open(link)
            return
    with connections(found) as to:
        from streamer.web.app import run

        run(to, (lambda: webbrowser.open(link)) if open else None)
