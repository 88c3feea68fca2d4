"""``evaluate predictions``: who buys again within 90 days, asked of a file's own past."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.files import Format, Mapped

if TYPE_CHECKING:
    from streamer.evaluate.predictions import Answered

_COLUMNS = (
    ("auc", "AUC"),
    ("brier", "Brier"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
    ("ratio", "said / came"),
    ("lift", "lift"),
)
_DATES, _SPACING_DAYS = 4, 30
_LEGEND = (
    "Mean over the dates. Everybody who ordered in the 365 days before a date is judged by the 90 days after it; methods "
    "learn from at most 2,000 customers and from nothing later than the date. ECE: expected calibration error; lift: of "
    "the tenth with the highest chance."
)


def predictions(
    data: Annotated[Path, typer.Option(help="File of events.")],
    format: Format = None,
    mapping: Mapped = None,
    as_of: Annotated[
        list[str] | None,
        typer.Option(
            "--as-of",
            help="Day to predict from; may be repeated. Default: four days, the last one 90 days before the end.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Predict from a file's past who would buy again within 90 days, and compare with who did.

    Example:  streamer evaluate predictions --data online_retail.csv.gz --as-of 2011-09-10
    """
    from schemas.errors import UserError
    from streamer.commands.files import instant
    from streamer.commands.recognise import data_of
    from streamer.evaluate import files
    from streamer.evaluate.predictions import HORIZON, evaluate

    with common.progress("reading") as on_progress:
        source, settings = data_of(data, format, mapping, on_progress)
        policy = settings.policy(lanes=1)
        activity = files.of_source(source, policy)
        last = activity.days - HORIZON
        days = [last - _SPACING_DAYS * back for back in reversed(range(_DATES))]
        if as_of:
            days = [policy.grid.day_of(instant(one, policy.grid, "--as-of")) - activity.first_day for one in as_of]
        if min(days) < 2 * HORIZON or max(days) > last:
            raise UserError(
                f"the day to predict from needs {2 * HORIZON} days of data before it and {HORIZON} after it",
                "give other days with --as-of, or a longer file",
            )
        found = evaluate(activity, sorted(days), on_progress)
    first = date(1970, 1, 1) + timedelta(days=activity.first_day)
    if json:
        common.print_json([asdict(one) | {"day": str(first + timedelta(days=one.day))} for one in found])
        return
    _show(found, ", ".join(str(first + timedelta(days=day)) for day in sorted(days)))


def _show(found: list[Answered], days: str) -> None:
    from rich.table import Table

    table = Table(title=f"Buys again within 90 days, asked on {days}", pad_edge=False)
    table.add_column("method")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for method in dict.fromkeys(one.method for one in found):
        judged = [asdict(one.judgement) for one in found if one.method == method]
        table.add_row(method, *(f"{sum(one[name] for one in judged) / len(judged):.3f}" for name, _ in _COLUMNS))
    console = common.console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
    console.print(_LEGEND, markup=False)
