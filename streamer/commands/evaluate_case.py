"""``evaluate case``: predict who will spend much in the next 90 days, and what a campaign to them could prove."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.files import Format, Mapped


def case(
    data: Annotated[Path, typer.Option(help="Path of the events file.")],
    format: Format = None,
    mapping: Mapped = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Day to predict from. Default: 91 days before the end.")
    ] = None,
    json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page with charts to this file.")] = None,
) -> None:
    """Run the e-commerce case study on a file: clusters, a random forest for high value, and what a campaign could
    prove.

    Takes a minute, and needs the `evaluate` extra (scikit-learn).

    Example:  streamer evaluate case --data online_retail.csv.gz --html case.html
    """
    from dataclasses import asdict

    from models.prediction.model import HORIZON
    from schemas.money import exponent
    from streamer.commands.pages import write_page
    from streamer.commands.recognise import data_of
    from streamer.evaluate import files
    from streamer.evaluate.case import cleaning, methods, page, report
    from streamer.evaluate.case.study import study
    from streamer.queries.instants import instant

    methods.scikit_learn()
    with common.progress("reading") as on_progress:
        source, settings = data_of(data, format, mapping, on_progress)
        policy = settings.policy(lanes=1)
        activity = files.of_source(source, policy)
        # The last day of a file is rarely complete.
        day = activity.days - 1 - HORIZON
        if as_of is not None:
            day = policy.grid.day_of(instant(as_of, policy.grid, "--as-of")) - activity.first_day
        unit = float(10 ** exponent(settings.currency))
        found = study(activity, day, unit, cleaning.facts(source, activity), on_progress)
    shown = (date(1970, 1, 1) + timedelta(days=found.day)).isoformat()
    if html is not None:
        write_page(html, page.page(found, data.name, shown, settings.currency))
    if json:
        common.print_json(asdict(found) | {"day": shown, "currency": settings.currency})
    else:
        report.show(found, shown, settings.currency, common.console())
