"""Test the whole of `decide` on the real data set, with figures that anyone can recount from the file."""

from __future__ import annotations

import pytest
from retail import retail

from models.features.time import DayGrid
from models.learning.learner import LearnerConfig
from schemas.money import Rates
from streamer.adapters.redis_reader import totals
from streamer.core.policy import Policy
from streamer.imports.result import result_of
from streamer.replay.replay import Replay
from streamer.sources.online_retail import OnlineRetail

NOW = 1_760_000_000_000


@pytest.mark.parametrize(
    ("name", "rows", "without_customer", "customers", "orders", "reversals", "pence", "guests"),
    [
        ("online_retail_2010-12.csv.gz", 42_481, 15_631, 948, 1_400, 308, 55_460_402, (159, 18, "194353.00")),
        ("online_retail.csv.gz", 541_909, 135_080, 4_372, 18_536, 3_654, 830_006_581, (1_427, 182, "1458744.18")),
    ],
)
def test_online_retail_to_the_penny(
    name: str,
    rows: int,
    without_customer: int,
    customers: int,
    orders: int,
    reversals: int,
    pence: int,
    guests: tuple[int, int, str],
) -> None:
    source = OnlineRetail(retail(name))
    policy = Policy(rates=Rates("GBP"), grid=DayGrid("Europe/London"), label_backfill=False)
    # The figures do not depend on clusters, and learning them would take most of the time.
    replay = Replay(policy, LearnerConfig(min_buyers=10**9), NOW)
    replay.run(source)
    result = result_of(totals([]), totals([replay.state.ledger]), source, 1.0)
    assert (result.rows, result.skipped) == (rows, {"no_customer": without_customer})
    assert (result.customers, result.orders, result.reversals) == (customers, orders, reversals)
    assert result.revenue_minor == pence
    assert (result.guests["orders"], result.guests["refunds"], result.guests["money"]["GBP"]) == guests
    assert result.applied == orders + reversals
    assert result.unaccounted == 0
