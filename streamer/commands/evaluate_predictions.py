"""``evaluate predictions``: test predictions of purchases within 90 days on the past of a file or of simulated shops."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from models.messages.count import Count
from streamer.commands import common
from streamer.commands.common import Json
from streamer.commands.evaluate_shops import ALL, ORDERS, names_of, numbers_of
from streamer.commands.files import Format, Mapped

if TYPE_CHECKING:
    from streamer.embedded.home import Progress
    from streamer.evaluate.predictions import Peers

_COLUMNS = (
    ("auc", "AUC"),
    ("brier", "Brier"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
    ("lift", "lift"),
)
_DATES, _SPACING_DAYS = 4, 30
_SHOPS: Final = ("stationary", "shock", "lifelike", "weekly", "monthly")
_SIZES: Final = (200, 2_000)
_LEGEND = (
    "Mean over the dates and seeds. Everybody who ordered in the 365 days before a date is judged by the 90 days after it; "
    "methods learn from at most 2,000 customers and from nothing later than the date. ECE: expected calibration error; "
    "lift: of the tenth with the highest chance; said, came: mean chance, and share who ordered."
)


def predictions(
    data: Annotated[Path | None, typer.Option(help="Path of an events file to use instead of simulated shops.")] = None,
    format: Format = None,
    mapping: Mapped = None,
    as_of: Annotated[
        list[str] | None,
        typer.Option(
            "--as-of",
            help="Day to predict from. May be repeated. Default: four days, the last one 90 days before the end.",
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            help="Simulated shop, as for `evaluate segments`. May be repeated. Default: stationary, shock, "
            "lifelike, weekly and monthly."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Comma-separated random seeds for the simulated shops.")] = "7,8",
    customers: Annotated[
        list[int] | None,
        typer.Option(min=100, help=("Number of customers per shop. May be repeated. Default: 200 and 2000.")),
    ] = None,
    peers: Annotated[bool, typer.Option(help="Also measure rules, BG/NBD and scikit-learn models.")] = True,
    json: Json = False,
) -> None:
    """Predict from past events who buys again within 90 days, and compare with who did.

    Uses a file or simulated shops. In simulated shops, customers with a rhythm of their own also get separate rows.

    Example:  streamer evaluate predictions --data online_retail.csv.gz --as-of 2011-09-10
    """
    others = _peers() if peers else None
    with common.progress("reading") as on_progress:
        if data is not None:
            tables = [_of_file(data, format, mapping, as_of, others, on_progress)]
        else:
            tables = _of_shops(scenario, seeds, customers, others, on_progress)
    if json:
        common.print_json([row for table in tables for row in table.rows])
        return
    for table in tables:
        _show(table)
    common.console().print(_LEGEND, markup=False)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with its title and its JSON-safe results."""

    title: str
    rows: list[dict[str, Any]]


def _peers() -> Peers:
    from schemas.errors import UserError
    from streamer.evaluate.prediction_peers import peers

    try:
        import sklearn
    except ImportError:
        raise UserError("scikit-learn is not installed", "run `pip install scikit-learn`, or pass --no-peers") from None
    del sklearn
    return peers


def _of_file(
    data: Path,
    format: str | None,
    mapping: str | None,
    as_of: list[str] | None,
    peers: Peers | None,
    on_progress: Progress,
) -> _Table:
    from models.prediction.model import HORIZON
    from schemas.errors import UserError
    from streamer.commands.recognise import data_of
    from streamer.evaluate import files
    from streamer.evaluate.predictions import evaluate
    from streamer.queries.instants import instant

    source, settings = data_of(data, format, mapping, on_progress)
    policy = settings.policy(lanes=1)
    activity = files.of_source(source, policy)
    days = _dates(activity.days)
    if as_of:
        days = [policy.grid.day_of(instant(one, policy.grid, "--as-of")) - activity.first_day for one in as_of]
    if min(days) < 2 * HORIZON or max(days) > activity.days - HORIZON:
        raise UserError(
            f"predicting needs {2 * HORIZON} days of data before the chosen day and {HORIZON} days after it",
            "choose other days with --as-of, or use a longer file",
        )
    found = evaluate(activity, sorted(days), on_progress, peers)
    first = date(1970, 1, 1) + timedelta(days=activity.first_day)
    asked = ", ".join(str(first + timedelta(days=day)) for day in sorted(days))
    rows = [asdict(one) | {"day": str(first + timedelta(days=one.day))} for one in found]
    return _Table(f"Buys again within 90 days, asked on {asked}", rows)


def _of_shops(
    scenario: list[str] | None, seeds: str, customers: list[int] | None, peers: Peers | None, on_progress: Progress
) -> list[_Table]:
    from streamer.evaluate.predictions import evaluate
    from streamer.evaluate.suite import shop

    tables = []
    for name in _known(names_of(scenario or list(_SHOPS))):
        sizes = customers or _SIZES
        # Shops with only orders have their own size.
        for size in sizes[:1] if name in ORDERS else sizes:
            rows: list[dict[str, Any]] = []
            for seed in numbers_of(seeds):
                activity, _ = shop(name, seed, size)
                has = len(activity.customers)
                on_progress(f"{name}, {Count(has):|customer}, seed {seed}")
                found = evaluate(activity, _dates(activity.days), on_progress, peers, by_rhythm=True)
                rows += [asdict(one) | {"shop": name, "shop_customers": has, "seed": seed} for one in found]
            tables.append(_Table(f"Buys again within 90 days, {name}, {Count(has):|customer}, seeds {seeds}", rows))
    return tables


def _known(names: list[str]) -> list[str]:
    from schemas.errors import UserError

    for name in names:
        if name not in (*ALL, *ORDERS):
            raise UserError(f"{name} is not a simulated shop", f"choose one of: {', '.join((*ALL, *ORDERS))}")
    return names


def _dates(days: int) -> list[int]:
    """Return the days to predict on in a history of ``days`` days."""
    from models.prediction.model import HORIZON

    return [days - HORIZON - _SPACING_DAYS * back for back in reversed(range(_DATES))]


def _show(found: _Table) -> None:
    from rich.table import Table

    table = Table(title=found.title, pad_edge=False)
    table.add_column("method")
    table.add_column("asked", justify="right")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for heading in ("said", "came"):
        table.add_column(heading, justify="right")
    for method in dict.fromkeys(row["method"] for row in found.rows):
        rows = [row for row in found.rows if row["method"] == method]
        judged = [row["judgement"] for row in rows]
        means = [f"{sum(one[name] for one in judged) / len(judged):.3f}" for name, _ in _COLUMNS]
        asked = sum(row["customers"] for row in rows)
        said, came = (sum(row["customers"] * row[name] for row in rows) / asked for name in ("said", "came"))
        table.add_row(method, f"{asked:,}", *means, f"{said:.3f}", f"{came:.3f}")
    console = common.console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
