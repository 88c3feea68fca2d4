"""``schemas export``: JSON Schemas of what comes in and goes out."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import UserError
from streamer.commands import common
from streamer.commands.common import Json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def register(app: typer.Typer) -> None:
    schemas = common.group("schemas", "The contracts, for other programs.")

    # With a single command, Typer would make it the group itself.
    @schemas.callback()
    def only_groups() -> None:
        """The contracts, for other programs."""

    schemas.command("export")(export)
    app.add_typer(schemas)


def export(
    folder: Annotated[Path, typer.Argument(help="Where to write the files; made if it is not there.")] = Path(
        "schemas"
    ),
    json: Json = False,
) -> None:
    """Write a JSON Schema (2020-12) for each type of event and for each record that goes out.

    Example:  streamer schemas export ./schemas
    """
    found = documents()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in found.items():
            text = jsonlib.dumps(document, indent=2, ensure_ascii=False)
            (folder / f"{name}.schema.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}", "give a folder of yours") from error
    if json:
        common.print_json({"folder": str(folder), "written": sorted(found)})
    else:
        common.console().print(f"wrote {len(found)} schemas to {folder}", markup=False)


def documents() -> dict[str, dict[str, Any]]:
    """JSON Schemas by the type they are of, such as ``order.completed``; only what workers take or write."""
    from schemas import published
    from schemas.codec import ENABLED_MODELS
    from schemas.events import types_of

    found: dict[str, dict[str, Any]] = {}
    for model in ENABLED_MODELS:
        for type in types_of(model):
            schema = model.model_json_schema(by_alias=True)
            schema["properties"]["type"] = {"const": type, "title": "Type", "type": "string"}
            found[type] = {"$schema": _DIALECT, **schema, "title": type}
    for name, outgoing in (
        ("segment.changed", published.SegmentChanged),
        ("segment.memberships", published.CustomerMemberships),
        ("segment.definition", published.SegmentDefinition),
        ("segment.model", published.SegmentModel),
        ("segment.proposal", published.ModelProposal),
    ):
        schema = outgoing.model_json_schema(by_alias=True, mode="serialization")
        found[name] = {"$schema": _DIALECT, **schema, "title": name}
    return dict(sorted(found.items()))
