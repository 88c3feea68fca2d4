"""``tokens``: who may call the HTTP API, and what for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.wire_time import iso
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.web.api.tokens import Tokens

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the token is called.")]


def register(app: typer.Typer) -> None:
    tokens = common.group(
        "tokens", "Tokens for the HTTP API (`streamer web`).", "streamer tokens create my-shop --may read"
    )
    tokens.command("create")(create)
    tokens.command("list")(list_)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens)


def create(
    name: Name,
    may: Annotated[
        str, typer.Option(help="What it allows, separated by commas: read, export, edit, write, outcomes.")
    ] = "read",
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Make a public write key for the pages of this origin, such as https://shop.example. May repeat."
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE",
            help="An event that a write key may send although visitors could make it up, such as order.completed: "
            "false orders would move customers. May repeat.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a token and print it, once: only its hash is kept.

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
    """List tokens: names, what they allow, since when. The tokens themselves are not kept.

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
    """Take a token away. Web processes that run notice at once.

    Example:  streamer tokens revoke shop-backend
    """
    _tokens().revoke(name)
    common.note(f"the token {name} is revoked")


def _tokens() -> Tokens:
    from streamer.web.api.tokens import FILE, Tokens

    found = common.settings()
    return Tokens(found.tokens_file or found.home / FILE)
