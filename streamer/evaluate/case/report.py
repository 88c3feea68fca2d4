"""The case as text and tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from models.messages.count import Count
from models.prediction.model import HORIZON
from streamer.evaluate.case import campaign
from streamer.evaluate.case.questions import FEATURES, QUESTIONS, SPACING_DAYS
from streamer.evaluate.case.study import Case, Row

COLUMNS: Final = ("AUC", "Brier", "ECE", "precision", "recall", "F1", "spend reached")
LEGEND: Final = (
    f"Spend reached: share of all spend of the {HORIZON} days after, by the customers whom the budget reaches. ECE: "
    "expected calibration error. Only chances have Brier and ECE."
)
_WIDE: Final = 120
_HELPS: Final = 0.005
"""Minimum gain of AUC for the verdict that a model helps."""


def written(row: Row) -> list[str]:
    """Return a row's cells, without the method's name."""
    chances = ["-" if value is None else f"{value:.3f}" for value in (row.brier, row.ece)]
    rest = [f"{value:.2f}" for value in (row.precision, row.recall, row.f1)]
    return [f"{row.auc:.3f}", *chances, *rest, f"{row.reached:.1%}"]


def question(case: Case, currency: str) -> list[str]:
    """Describe the question, its customers, and the training data."""
    return [
        f"{Count(case.customers):|customer} ordered in the 365 days before. {Count(case.training_rows):|row} of "
        f"{QUESTIONS} earlier questions, {SPACING_DAYS} days apart, teach the methods; all their answers were known on the "
        f"day. Each row has {len(FEATURES)} features.",
        f"High value: at least {case.border:,.0f} {currency} in the {HORIZON} days after, which a fifth of the latest "
        f"training question spent. {case.high_share:.1%} turned out so.",
        f"The budget reaches a fifth of the customers: {case.budget:,}.",
    ]


def differences(case: Case) -> list[str]:
    """Return the differences in AUC between methods."""
    return [
        f"AUC of {one.method} less that of {one.against}: {one.estimate:+.3f} (95 % {one.low:+.3f} to {one.high:+.3f})"
        for one in case.differences
    ]


def verdict(case: Case) -> list[str]:
    """State whether a model helps, for high value and for repeat orders."""
    found, word = case.differences[0], f"AUC {case.differences[0].estimate:+.3f}"
    column = max((row for row in case.again if row.brier is None), key=lambda row: row.auc)
    model = max((row for row in case.again if row.brier is not None), key=lambda row: row.auc)
    ahead = found.low > 0
    return [
        f"High value: the {found.method} is ahead of sorting by spend so far ({word})."
        if ahead
        else f"High value: sorting by spend so far does as well as the {found.method} ({word}). Among these customers the "
        "model buys nothing but chances to reckon with.",
        f"Who orders again: the best single column is {column.method} (AUC {column.auc:.3f}), the best model "
        f"{model.method} ({model.auc:.3f})." + (" There a model helps." if model.auc - column.auc >= _HELPS else ""),
    ]


def money(case: Case, currency: str) -> list[str]:
    """Describe the money: measured values and assumptions."""
    found = [
        f"Measured: the {Count(case.chosen.customers):|customer} with the highest chance by the forest spent "
        f"{case.chosen.spend:,.0f} of {case.everybody.spend:,.0f} {currency} in the {HORIZON} days after.",
        f"Assumed: a margin of {campaign.MARGIN:.0%}. A contact pays from this uplift of spend on:",
    ]
    for at, cost in enumerate(campaign.CONTACT_COSTS):
        one, all_of_them = case.chosen.pays_from[at], case.everybody.pays_from[at]
        found.append(f"  {cost:.2f} {currency} a contact: {one:.3%} for the chosen, {all_of_them:.3%} for everybody")
    found.append(
        f"Assumed: an uplift of {campaign.UPLIFT:.0%} at {campaign.CONTACT_COSTS[-1]:.2f} {currency} a contact. Net "
        f"{case.chosen.net:,.0f} for the chosen (ROI {case.chosen.roi:.1f}), {case.everybody.net:,.0f} for everybody "
        f"(ROI {case.everybody.roi:.1f})."
    )
    return found


def proof(case: Case) -> list[str]:
    """Describe the effects that one campaign could prove, and those it could not."""
    found = [
        f"With {one.held_out:.0%} held out, the least uplift of spend seen with 80 % power is {one.least:.0%}; "
        f"{one.least_adjusted:.0%} if spend is capped at its 95th percentile and adjusted for earlier spend."
        for one in case.proofs
    ]
    planted = case.planted
    found.append(
        f"{planted.come_anyway:.0%} of the chosen order anyway. Of simulated campaigns that win one in ten of the others, "
        f"half held out, {planted.significant:.0%} were significant (mean estimate {planted.estimate:.4f}, true "
        f"{planted.true:.4f})."
    )
    found.append("Nothing in this data says whether there is an uplift at all, and nothing says who was satisfied.")
    return found


def show(case: Case, day: str, currency: str, console: Console) -> None:
    """Print the case."""
    if not console.is_terminal:
        console.width = _WIDE
    _section(console, "Clean", [f"{what}: {count:,}" for what, count in case.cleaned])
    _section(console, f"Ask on {day}", question(case, currency))
    console.print(_clusters(case, currency))
    console.print(_table("Who is of high value", case.rows))
    console.print(LEGEND, markup=False)
    console.print()
    _section(console, "Differences", differences(case))
    falls = ", ".join(f"{name} {fall:.3f}" for name, fall in case.importance[:5])
    _section(console, "What the forest uses", [f"AUC falls by so much if a feature is shuffled: {falls}"])
    console.print(_table(f"Who orders again within {HORIZON} days", case.again))
    console.print()
    _section(console, "Does a model help?", verdict(case))
    _section(console, "Reach within the budget", money(case, currency))
    _section(console, "What a campaign could prove", proof(case))


def _section(console: Console, title: str, sentences: Sequence[str]) -> None:
    console.print(title, style="bold", markup=False)
    for sentence in sentences:
        console.print(sentence, markup=False, highlight=False)
    console.print()


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title=title, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for heading in COLUMNS:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row.method, *written(row))
    table.caption = "; ".join(f"{one.method}: {one.note}" for one in rows if one.note) or None
    return table


def _clusters(case: Case, currency: str) -> Table:
    table = Table(title="Clusters of habits (K-means)", pad_edge=False)
    for heading in ("customers", "of high value", f"spend each in {HORIZON} days, {currency}"):
        table.add_column(heading, justify="right")
    for one in case.clusters:
        table.add_row(f"{one.customers:,}", f"{one.high:.0%}", f"{one.spend_each:,.0f}")
    return table
