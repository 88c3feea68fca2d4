"""``tokens``: grant and revoke access to the HTTP API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.wire_time import iso
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.web.api.tokens import Tokens

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]


def register(app: typer.Typer) -> None:
    tokens = common.group(
        "tokens", "Manage access tokens for the HTTP API.", "streamer tokens create my-shop --may read"
    )
    tokens.command("create")(create)
    tokens.command("list")(list_)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens)


def create(
    name: Name,
    may: Annotated[
        str, typer.Option(help="Comma-separated permissions: read, export, edit, write, outcomes.")
    ] = "read",
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "Create a public write key for web pages from this origin, for example https://shop.example. "
                "May be repeated."
            )
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE",
            help="Event type that the public write key may also send, for example order.completed. Visitors could "
            "forge such events, and forged orders move customers. May be repeated.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Create a token and print it. It is shown only once, because only its hash is stored.

    Example:  streamer tokens create shop-page --may write --origin https://shop.example
    """
    permissions = [one.strip() for one in may.split(",") if one.strip()]
    now = iso(time.time_ns() // 1_000_000_000 * 1000)
    text = _tokens().create(name, permissions, now, origins=origin or (), allow=allow or ())
    if json:
        common.print_json({"name": name, "token": text, "may": permissions})
    else:
        print(text)
        common.note(
            "it is not shown again; copy it into your page" if origin else "keep it safe: it is not shown again"
        )


def list_(json: Json = False) -> None:
    """List tokens with their permissions and creation times.

    Example:  streamer tokens list
    """
    found = _tokens().all()
    if json:
        common.print_json(
            [
                {"name": one.name, "may": one.may, "created": one.created, "origins": one.origins, "allow": one.allow}
                for one in found
            ]
        )
        return
    if not found:
        common.console().print("there are no tokens; `streamer tokens create NAME --may read` makes one")
    for one in found:
        where = f", for {', '.join(one.origins)}" if one.origins else ""
        common.console().print(f"{one.name}: {', '.join(one.may)}, since {one.created[:10]}{where}", markup=False)


def revoke(name: Name) -> None:
    """Revoke a token. Running web processes reject it at once.

    Example:  streamer tokens revoke shop-backend
    """
    _tokens().revoke(name)
    common.note(f"the token {name} is revoked")


def _tokens() -> Tokens:
    from streamer.web.api.tokens import FILE, Tokens

    found = common.settings()
    return Tokens(found.tokens_file or found.home / FILE)
