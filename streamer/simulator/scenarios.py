"""The scenarios of the simulated shop."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import UserError


@dataclass(frozen=True, slots=True)
class Scenario:
    """Special circumstances of a shop, in addition to customers who buy and sometimes change.

    Days are those of a year of 365 days.

    Attributes
    ----------
    heterogeneity
        Factor on the variance between customers of one kind.
    season, season_days
        Factor on all rates, and the two days between which it applies.
    inflation
        Growth of all prices over a year, in monthly steps.
    season_discount
        Additional probability that an order in the season is discounted.
    new_archetype
        Share of customers who become subscribers on days 200-220.
    holidays
        Number of inactive times of 10-30 days per half year and customer.
    sessions
        Mean number of interactions per visit; 1 means single interactions.
    follow_ups
        Probability that an order triggers another one within a week.
    outliers
        Probability that an order is 5 to 20 times as large.
    bots
        Share of customers (at least three customers) whose clicks are made by a bot.
    """

    name: str
    heterogeneity: float = 1.0
    season: float = 1.0
    season_days: tuple[float, float] = (230.0, 290.0)
    inflation: float = 0.0
    season_discount: float = 0.0
    new_archetype: float = 0.0
    holidays: int = 0
    sessions: float = 1.0
    follow_ups: float = 0.0
    outliers: float = 0.0
    bots: float = 0.0


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("stationary"),
        Scenario("hard", heterogeneity=3.0),
        Scenario("shock", season=1.7, inflation=0.12, season_discount=0.3),
        Scenario("new-archetype", new_archetype=0.08),
        Scenario("holidays", holidays=1),
        Scenario("lifelike", holidays=1, sessions=4.0, follow_ups=0.25, outliers=0.01),
        Scenario("bots", bots=0.001),
    )
}

CHANGERS = 0.15
"""Share of customers who change archetype, in every scenario."""
CHANGE_DAYS = (130.0, 300.0)
NEW_ARCHETYPE_DAYS = (200.0, 220.0)
HOLIDAY_DAYS = (10.0, 30.0)


def scenario_named(name: str) -> Scenario:
    """Look up a scenario by name.

    Raises
    ------
    UserError
        There is no such scenario; the message lists all names.
    """
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UserError(f"unknown scenario {name!r}", f"choose one of: {', '.join(SCENARIOS)}") from None
