"""``segments rename``: give a cluster a new name, which all later versions keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.messages import messages
from schemas.errors import UserError
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from models.behaviour.model import ClusterModel


def rename(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of the behaviour cluster, for example bargain_hunters.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="New name, in any language.")],
    json: Json = False,
) -> None:
    """Rename a behaviour cluster. The name stays with the cluster's id across refits and restarts.

    No customer moves: the model owner republishes the active version with the new name. To rename a declared segment,
    edit segments.toml.

    Example:  streamer segments rename bargain_hunters "Coupon lovers"
    """
    from schemas.decisions import ModelDecision
    from streamer.queries.models import read_published, send_decision, wait_for

    found = common.settings()
    with connections(found) as to:
        model = read_published(to).newest
        check(model, id, name)
        send_decision(to, ModelDecision(action="rename", segment=id, name=name))
        after = wait_for(to, lambda now: named_so(now.newest, id, name))
    texts = messages(found.language)
    answer: dict[str, Any] = {"id": id, "name": name, "version": None}
    if after is not None and after.newest is not None:
        answer["version"] = after.newest.version
    if json:
        common.print_json(answer)
    elif answer["version"] is None:
        common.note(texts("not answered yet"))
    else:
        common.console().print(texts("renamed", **answer), markup=False)


def named_so(model: ClusterModel | None, id: str, name: str) -> bool:
    """Return whether the segment has this name in a version."""
    return model is not None and (segment := model.by_id(id)) is not None and segment.name == name


def check(model: ClusterModel | None, id: str, name: str) -> None:
    """Raise UserError if a cluster cannot have this name."""
    from models.learning.decisions import MOST_NAME, name_refused

    if model is None:
        raise UserError("there are no behaviour clusters yet", "`streamer segments list` shows what is needed first")
    known = ", ".join(segment.segment_id for segment in model.segments)
    problems = {
        "unknown": (
            f"there is no behaviour cluster {id}",
            f"there are {known}; declared segments are named in the file",
        ),
        "empty": ("a name must not be empty, or begin or end with a space", 'for example "Coupon lovers"'),
        "long": (f"a name has at most {MOST_NAME} characters", "take a shorter one"),
        "same": (f"{id} is called {name} already", "nothing to do"),
        "taken": (f"another cluster is called {name}", "take a name that no other has"),
    }
    refused = name_refused(model, id, name)
    if refused is not None:
        raise UserError(*problems[refused])
