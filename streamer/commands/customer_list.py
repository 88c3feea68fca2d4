"""``customer list``: find customers by part of an id, a name, an e-mail address or a phone number."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

import typer

from streamer.client.connections import connections
from streamer.commands.common import Json
from streamer.commands.segment_members import Csv, Limit, write

_COLUMNS: Final = ("id", "name", "email", "last_order")


def list_customers(
    query: Annotated[str, typer.Option(help="Text to find in ids, names, e-mail addresses and phone numbers.")] = "",
    limit: Limit = None,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """List customers. Reads every customer, so it takes a while in a large shop.

    Example:  streamer customer list --query lovelace
    """
    from streamer.queries.members import found_by

    with connections() as to:
        write(islice(found_by(to.view, query), limit), csv=csv, json=json, columns=_COLUMNS)
