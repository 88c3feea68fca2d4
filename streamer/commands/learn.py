"""``learn``: show the learned predictions and their accuracy."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from models.messages import Messages, messages
from streamer.client.connections import connections
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.learn_challenge import approve, challenge

_CELLS: Final = "cells"
_DRIFTED: Final = "drifted"
"""Printed below the table, whose ten columns fill a terminal."""


def register(app: typer.Typer) -> None:
    learn = common.group(
        "learn", "Inspect the predictions, and compare them with other models.", "streamer learn status"
    )
    learn.command("status")(status)
    learn.command("history")(history)
    learn.command("show")(show)
    learn.command("challenge")(challenge)
    learn.command("approve")(approve)
    app.add_typer(learn)


def status(json: Json = False) -> None:
    """Show the prediction version of each lane, and how accurate the latest week's predictions were.

    Example:  streamer learn status
    """
    from streamer.queries.learned import read_predictor
    from streamer.queries.learned import status as found_status

    found = common.settings()
    texts = messages(found.language)
    with connections(found) as to, common.progress():
        ledgers = to.view.ledgers()
        models = {one.partition: to.view.predictions(one.partition) for one in ledgers}
        answer = found_status(read_predictor(to), ledgers, models, to.policy.grid)
    if json:
        common.print_json(answer)
        return
    out = common.console()
    for lane in answer["lanes"]:
        out.print(_lane_line(lane, texts), markup=False)
    out.print(texts("learn owner", version=answer["version"], weeks=answer["weeks"]), markup=False)
    if answer["fallback"] is not None:
        out.print(texts("learn fallback", day=answer["fallback"]["since"]), markup=False)
    if answer["progress"] is not None:
        out.print(texts("learn progress", **answer["progress"]), markup=False)
    _print_weeks([] if answer["latest"] is None else [answer["latest"]], texts)
    if answer["drift"] is not None:
        out.print(texts("learn drift", day=answer["drift"]["week"]), markup=False)


def history(json: Json = False) -> None:
    """Show how accurate the predictions of each of the last 52 weeks were, before they were learned from. Newest last.

    Example:  streamer learn history --json
    """
    from streamer.queries.learned import read_predictor, week_of

    found = common.settings()
    with connections(found) as to, common.progress():
        weeks = [week_of(one) for one in read_predictor(to).weeks]
    if json:
        common.print_json(weeks)
    else:
        texts = messages(found.language)
        _print_weeks(weeks, texts)
        for week in weeks:
            if week["drifted"]:
                common.console().print(texts("learn drift", day=week["asked_on"]), markup=False)


def show(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Version number. Version 0 is built in.")],
    json: Json = False,
) -> None:
    """Show a prediction version: when it was learned, and its weights.

    Example:  streamer learn show 0
    """
    from streamer.queries.learned import version as found_version
    from streamer.queries.models import read_published

    found = common.settings()
    with connections(found) as to:
        answer = found_version(read_published(to).predictions, version)
    if json:
        common.print_json(answer)
    else:
        _print_version(answer, messages(found.language))


# -- output ---------------------------------------------------------------------------------------------------


def _lane_line(lane: dict[str, Any], texts: Messages) -> str:
    since = texts("learn shipped") if lane["since"] is None else texts("learn since", day=lane["since"])
    line = texts("learn lane", lane=lane["lane"], version=lane["version"], since=since)
    line += texts("learn cells") if lane["form"] == _CELLS else ""
    return "; ".join(
        [line, *(texts("learn to come", version=one["version"], day=one["from"]) for one in lane["to_come"])]
    )


def _print_weeks(weeks: list[dict[str, Any]], texts: Messages) -> None:
    from rich.table import Table

    out = common.console()
    if not weeks:
        out.print(texts("learn no week"), markup=False)
        return
    # Ten columns must fit the 80 characters of a terminal.
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in texts("learn week head").split("|"):
        table.add_column(column, justify="right", no_wrap=True)
    for week in weeks:
        table.add_row(*(str(value) for name, value in week.items() if name != _DRIFTED))
    out.print(table)


def _print_version(answer: dict[str, Any], texts: Messages) -> None:
    from rich.table import Table

    out = common.console()
    when = texts("learn shipped") if answer["made_on"] is None else texts("learn made on", day=answer["made_on"])
    out.print(texts("learn version", version=answer["version"], form=answer["form"], when=when), markup=False)
    table = Table(box=None, padding=(0, 2), show_header=False)
    for name, weight in answer["weights"].items():
        table.add_row(name, f"{weight:+.3f}")
    for one, other, weight in answer.get("products", ()):
        table.add_row(f"{one} x {other}", f"{weight:+.3f}")
    out.print(table)
