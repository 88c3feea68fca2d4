"""``evaluate clusterers``: compare our clusterer with River's in the same service."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamer.commands import common
from streamer.commands.common import Json

if TYPE_CHECKING:
    from streamer.evaluate.clusterers import Live

_COLUMNS = (
    ("ari", "ARI", "{:.3f}"),
    ("ari_settled", "settled", "{:.3f}"),
    ("spurious", "spurious", "{:.2f}"),
    ("bounce", "bounce", "{:.1%}"),
    ("detected", "seen 90 d", "{:.2f}"),
    ("delay", "days", "{:.0f}"),
    ("segments", "k", "{:.0f}"),
    ("versions", "versions", "{:d}"),
    ("silhouette", "silhouette", "{:.3f}"),
    ("seconds", "CPU s", "{:.1f}"),
)
_LEGEND = (
    "Everything but the clusterer is the same: frames, numbers of segments and first centres come from the panel. "
    "silhouette: of the panel's rows before each is learned, distance to the own centre over that to the next one, so "
    "less is better. CPU s: of the learner over the year. The other figures are those of `streamer evaluate segments`."
)


def clusterers(
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help=("Simulated shop, as for `evaluate segments`. May be repeated. Default: stationary and lifelike.")
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Comma-separated random seeds for the simulated shops.")] = "7,8",
    clusterer: Annotated[
        list[str] | None,
        typer.Option(help="Clusterer, as in STREAMER_CLUSTERER. May be repeated. Default: all three."),
    ] = None,
    customers: Annotated[int, typer.Option(min=600, help="Number of customers per shop.")] = 10_000,
    json: Json = False,
) -> None:
    """Run the model owner with each clusterer in turn, and measure the segments it would publish.

    Example:  streamer evaluate clusterers --scenario stationary --seeds 8
    """
    from models.learning.clusterer_choice import ClustererChoice
    from streamer.commands.evaluate_shops import names_of, numbers_of
    from streamer.evaluate.clusterers import CHOICES, live

    chosen = [ClustererChoice.parse(text) for text in clusterer or CHOICES]
    with common.progress("simulating") as on_progress:
        rows = live(names_of(scenario or ["stationary", "lifelike"]), numbers_of(seeds), chosen, customers, on_progress)
    if json:
        common.print_json([_values(row) for row in rows])
    else:
        _show(rows)


def _values(row: Live) -> dict[str, Any]:
    found = asdict(row)
    scores: dict[str, Any] = found.pop("scores")
    return {
        name: None if isinstance(value, float) and isnan(value) else value for name, value in (found | scores).items()
    }


def _show(rows: list[Live]) -> None:
    from rich.table import Table

    table = Table(pad_edge=False)
    for heading in ("shop", "seed", "clusterer"):
        table.add_column(heading, no_wrap=True)
    for _, heading, _ in _COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        values = _values(row)
        cells = ["" if values[name] is None else form.format(values[name]) for name, _, form in _COLUMNS]
        table.add_row(row.scenario, str(row.seed), row.clusterer, *cells)
    console = common.console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    console.print(_LEGEND, markup=False)
