"""``schemas export``: JSON Schemas of all input and published records, and the AsyncAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.messages.count import Count
from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json


def register(app: typer.Typer) -> None:
    schemas = common.group("schemas", "Export data contracts for other programs.", "streamer schemas export")

    # With a single command, Typer would use it in place of the group.
    @schemas.callback()
    def only_groups() -> None:
        """Export data contracts for other programs."""

    schemas.command("export")(export)
    app.add_typer(schemas)


def export(
    folder: Annotated[Path, typer.Argument(help="Output folder. Created if missing.")] = Path("schemas"),
    json: Json = False,
) -> None:
    """Write JSON Schemas (2020-12) of all records and headers, and an AsyncAPI 3.0 document (asyncapi.json).

    Example:  streamer schemas export ./schemas
    """
    from schemas.export import files

    written = files()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}", "choose a writable folder") from error
    if json:
        names = sorted(name.removesuffix(".schema.json").removesuffix(".json") for name in written)
        common.print_json({"folder": str(folder), "written": names})
    else:
        common.console().print(f"wrote {Count(len(written)):|document} to {folder}", markup=False)
