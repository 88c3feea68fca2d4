"""``keys create``: create the key that signs the service's own records."""

from __future__ import annotations

import typer

from streamer.commands import common
from streamer.commands.common import Json


def register(app: typer.Typer) -> None:
    keys = common.group("keys", "Manage the key that signs control records.", "streamer keys create")
    keys.command("create")(create)
    app.add_typer(keys)


def create(json: Json = False) -> None:
    """Create the control key in STREAMER_HOME if it does not exist. `streamer up` does this for you.

    Every process of the service needs the same key. Copy the file to other machines, or set STREAMER_CONTROL_KEY_FILE
    (docs/control-key.md).

    Example:  streamer keys create
    """
    from streamer.embedded.key_file import CONTROL_KEY, own_control_key

    found = common.settings()
    path = found.home / CONTROL_KEY
    made = found.control_key is None
    if made:
        own_control_key(found.home)
    in_use = str(path) if path.is_file() else None
    if json:
        common.print_json({"made": made, "file": in_use})
    elif made:
        common.console().print(f"made {path}", markup=False)
    else:
        common.console().print(f"there is a key: {in_use or 'STREAMER_CONTROL_KEY'}", markup=False)
