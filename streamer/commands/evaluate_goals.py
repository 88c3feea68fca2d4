"""``evaluate segments --goals``: compare the segments' goals and results with an oracle that knows all rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Final

from streamer.commands import common

if TYPE_CHECKING:
    from models.learning.learner import LearnerConfig
    from streamer.evaluate.goals import Goal
    from streamer.evaluate.retail import Retail

GOAL_SHOPS: Final = ("stationary", "shock", "hard", "holidays", "lifelike")
_FIGURES: Final = {
    "spurious": ("spurious moves per 1,000 events", "<= {:g}", "{:.2f}"),
    "ari": ("ARI on the last day", ">= {:g}", "{:.3f}"),
    "detected": ("changes seen within 90 days", ">= {:g}", "{:.3f}"),
    "of_batch": ("eta² over that of batch K-means", ">= {:.0%}", "{:.1%}"),
    "undone": ("moves undone within 30 days", "<= {:.0%}", "{:.1%}"),
}
_LEGEND: Final = (
    "The oracle knows as which kind each customer began, and the customer's own rates, baskets and discounts as every "
    "kind, on every day of the year. It does not know who changes, when, or to what, and takes a customer for another "
    "kind at a log-likelihood ratio of 8. The other figures are those of `streamer evaluate segments`."
)


def show_goals(
    scenarios: Sequence[str], seeds: Sequence[int], customers: int, config: LearnerConfig, json: bool
) -> None:
    """Simulate the shops under the preset ``conservative``, and print their goals."""
    from schemas.errors import UserError
    from streamer.evaluate import goals, report

    if unknown := [name for name in scenarios if name not in goals.GOALS]:
        raise UserError(f"no goals are defined for {', '.join(unknown)}", f"choose one of: {', '.join(GOAL_SHOPS)}")
    with common.progress("simulating") as on_progress:
        found = goals.of_shops(scenarios, seeds, customers, on_progress, config)
    if json:
        common.print_json({"seeds": list(seeds), "customers": customers, "goals": [_values(one) for one in found]})
        return
    _show(found)
    console = common.console()
    console.print(_LEGEND, markup=False)
    console.print(report.seeds_note(seeds), markup=False)


def show_goals_of_file(name: str, found: Retail, json: bool) -> None:
    """Print the goals of a real shop."""
    from streamer.evaluate import goals

    rows = goals.of_file(name, found)
    if json:
        common.print_json({"goals": [_values(one) for one in rows]})
    else:
        _show(rows)


def _values(goal: Goal) -> dict[str, object]:
    values = {name: None if isinstance(v, float) and isnan(v) else v for name, v in asdict(goal).items()}
    return values | {"met": goal.met}


def _show(found: Sequence[Goal]) -> None:
    from rich.table import Table

    table = Table(pad_edge=False)
    for heading in ("shop", "seed", "figure", "goal", "reached", "oracle", "met"):
        table.add_column(heading, justify="right" if heading in ("seed", "goal", "reached", "oracle") else "left")
    for one in found:
        name, bound, form = _FIGURES[one.figure]
        seed = "" if one.seed is None else str(one.seed)
        oracle = "" if isnan(one.oracle) else form.format(one.oracle)
        met = "yes" if one.met else "no"
        table.add_row(one.scenario, seed, name, bound.format(one.goal), form.format(one.reached), oracle, met)
    console = common.console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
