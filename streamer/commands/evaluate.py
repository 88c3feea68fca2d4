"""``evaluate segments``: measure the segments' quality, on simulated shops with known truth or on a file of events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.messages.count import Count
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.evaluate_case import case
from streamer.commands.evaluate_clusterers import clusterers
from streamer.commands.evaluate_goals import GOAL_SHOPS, show_goals, show_goals_of_file
from streamer.commands.evaluate_predictions import predictions
from streamer.commands.evaluate_shops import ALL, ORDERS, names_of, numbers_of
from streamer.commands.files import Format, Mapped
from streamer.commands.pages import write_page

if TYPE_CHECKING:
    from models.learning.learner import LearnerConfig


def register(app: typer.Typer) -> None:
    group = common.group(
        "evaluate",
        "Measure the quality of segments and predictions.",
        "streamer evaluate segments --scenario stationary",
    )
    group.command("segments")(segments)
    group.command("clusterers")(clusterers)
    group.command("predictions")(predictions)
    group.command("case")(case)
    app.add_typer(group)


def segments(
    data: Annotated[Path | None, typer.Option(help="Path of an events file to use instead of simulated shops.")] = None,
    format: Format = None,
    mapping: Mapped = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help=("Day on which to segment the customers of --data. Default: 90 days before the end.")
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Simulated shop. May be repeated. Default: {', '.join(ALL)}. Fixed-size shops with orders only: "
            f"{', '.join(ORDERS)}. `orders` selects all of them."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Comma-separated random seeds for the simulated shops.")] = "7,8",
    seeds_of: Annotated[
        str | None,
        typer.Option(
            "--seeds-of",
            metavar="COMMIT",
            help=("Derive two seeds from this commit's first eight digits, instead of --seeds."),
        ),
    ] = None,
    preset: Annotated[
        Literal["conservative", "responsive", "both"],
        typer.Option(help=("Preset for how readily customers move between clusters.")),
    ] = "both",
    customers: Annotated[int, typer.Option(min=600, help="Number of customers per shop.")] = 10_000,
    frame: Annotated[
        Literal["auto", "standard", "noise_whitened", "volume"],
        typer.Option(help="Feature space in which distances are measured."),
    ] = "auto",
    k: Annotated[
        int | None, typer.Option("-k", min=2, max=8, help="Number of segments. Default: chosen automatically.")
    ] = None,
    peers: Annotated[
        bool, typer.Option(help="Also run River's and scikit-learn's clusterers on the first shop.")
    ] = True,
    tuned_river: Annotated[
        bool,
        typer.Option(
            "--tuned-river", help=("Run only River's tuned KMeans, the baseline, for comparison. Takes a minute.")
        ),
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with code 1 if a figure misses its target.")] = False,
    goals: Annotated[
        bool,
        typer.Option(
            "--goals",
            help="Compare the conservative preset with its goals, and with an oracle that knows all true rates.",
        ),
    ] = False,
    json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page with charts to this file.")] = None,
) -> None:
    """Measure the behaviour segments, and compare them with other clusterers on the same events.

    In simulated shops the truth is known, so agreement, spurious moves, bounces and detection delay are exact. For a
    file, the segments of one day are compared with the 90 days after it.

    Example:  streamer evaluate segments --scenario stationary --seeds 7
    """
    from models.learning.learner import LearnerConfig

    config = LearnerConfig(frame=frame, k=k)
    if data is not None:
        _file(data, format, mapping, as_of, config, preset, json, html, goals)
        return
    from streamer.evaluate import report, suite
    from streamer.evaluate.gate import missed

    numbers = numbers_of(seeds) if seeds_of is None else _of_commit(seeds_of)
    if goals:
        show_goals(names_of(scenario or GOAL_SHOPS), numbers, customers, config, json)
        return
    presets = ("conservative", "responsive") if preset == "both" else (preset,)
    others: suite.Others = "tuned" if tuned_river else "all" if peers else "none"
    with common.progress("simulating") as on_progress:
        rows = suite.run(names_of(scenario or ALL), numbers, presets, customers, others, on_progress, config)
    if html is not None:
        write_page(html, report.to_html(rows, numbers))
    if json:
        common.print_json(report.to_json(rows, numbers))
    else:
        report.show(rows, numbers, common.console())
    if gate and (found := missed(rows)):
        for sentence in found:
            common.note(sentence)
        raise typer.Exit(common.EXIT_ERROR)


def _file(
    data: Path,
    format: str | None,
    mapping: str | None,
    as_of: str | None,
    config: LearnerConfig,
    preset: str,
    json: bool,
    html: Path | None,
    goals: bool,
) -> None:
    from dataclasses import asdict, replace
    from datetime import date, timedelta

    from streamer.commands.recognise import data_of
    from streamer.evaluate import files, report, retail, retail_page
    from streamer.evaluate.suite import PRESETS
    from streamer.queries.instants import instant

    with common.progress("reading") as on_progress:
        source, settings = data_of(data, format, mapping, on_progress)
        policy = settings.policy(lanes=1)
        activity = files.of_source(source, policy)
        on_progress(f"{Count(len(activity.customers)):|customer}, {Count(activity.days):|day}")
        last = activity.days - retail.FOLLOWING_DAYS
        day = last if as_of is None else policy.grid.day_of(instant(as_of, policy.grid, "--as-of")) - activity.first_day
        chosen = PRESETS["conservative" if preset == "both" else preset]
        found = retail.evaluate(activity, replace(config, preset=chosen), day)
    shown = (date(1970, 1, 1) + timedelta(days=found.as_of)).isoformat()
    if html is not None:
        write_page(html, retail_page.page(found, data.name, shown, settings.currency))
    if goals:
        show_goals_of_file(data.name, found, json)
    elif json:
        common.print_json(asdict(found) | {"as_of": shown})
    else:
        report.show_retail(found, shown, common.console())


def _of_commit(commit: str) -> tuple[int, ...]:
    """Return two seeds that nobody can have chosen: the halves of the first eight hexadecimal digits."""
    from schemas.errors import UserError

    try:
        if len(commit) < 8:
            raise ValueError
        return int(commit[:4], 16), int(commit[4:8], 16)
    except ValueError:
        raise UserError(f"{commit} is not a commit", "pass at least the first eight digits to --seeds-of") from None
