"""``web``: the pages on which customers leave a list."""

from __future__ import annotations

from typing import Annotated

import typer

from streamer.client.connections import connections
from streamer.commands import common


def register(app: typer.Typer) -> None:
    app.command("web")(web)


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: STREAMER_WEB_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: STREAMER_WEB_PORT.")] = None,
) -> None:
    """Serve the pages that links in messages lead to, until Ctrl-C. Put TLS in front: see docs/plays.md.

    Example:  streamer web
    """
    with connections(common.settings({"web_host": host, "web_port": port})) as to:
        from streamer.web.app import run

        run(to)
