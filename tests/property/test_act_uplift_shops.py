"""The report of a play against an effect that was planted in simulated shops, looked at daily for 60 days.

``make act`` runs 200 shops and prints the table: with 10, 20 and 50 % held out, of 300 and 3,000 customers.
"""

from __future__ import annotations

import os
from collections import defaultdict

from uplift_shops import SCENARIOS, SHOP, Seen, run, silence

SHOPS = int(os.environ.get("ACT_SHOPS", "8"))
FULL = SHOPS >= 200
GRID = [(held, customers) for customers in (300, 3_000) for held in (0.1, 0.2, 0.5)] if FULL else [(0.2, 300)]
EFFECT = 0.05
Cell = tuple[int, float]


def test_reports_are_right_as_often_as_they_say() -> None:
    with_effect, without = defaultdict[Cell, list[Seen]](list), defaultdict[Cell, list[Seen]](list)
    for seed in range(SHOPS):
        shop = silence(seed, SCENARIOS[seed % len(SCENARIOS)], SHOP)
        for held, customers in GRID:
            with_effect[customers, held].append(run(shop, customers, held, EFFECT, seed))
            without[customers, held].append(run(shop, customers, held, 0.0, seed))
    print(f"\n{SHOPS} shops, {EFFECT:.0%} planted, then none")
    for cell, seen in with_effect.items():
        print(_row(cell, seen, without[cell]))
        assert _share([one.wrong_daily for one in seen]) <= 0.05
        assert _share([one.wrong_daily for one in without[cell]]) <= 0.05
        assert _share([one.helps_daily for one in without[cell]]) <= 0.025
    both = [one for cells in (with_effect, without) for seen in cells.values() for one in seen]
    money = [one.money_covers for one in both if one.money_covers is not None]
    helps = _share([one.helps for seen in without.values() for one in seen])
    covers = _share([one.covers for one in both])
    print(
        f"all: covers {covers:.1%}; no effect, helps {helps:.1%}; money covers {_share(money):.1%} of {len(money)} shown"
    )
    # A few shops say little about shares of a few per cent: they show that it runs.
    assert covers >= (0.93 if FULL else 0.85) and helps <= (0.025 if FULL else 0.1)
    assert bool(money) == FULL and _share(money) >= (0.91 if FULL else 0.0)
    assert not FULL or _share([one.helps for one in with_effect[3_000, 0.2]]) > 0.5


def _row(cell: Cell, seen: list[Seen], without: list[Seen]) -> str:
    customers, held = cell
    both = [*seen, *without]
    money = [one.money_covers for one in both if one.money_covers is not None]
    return (
        f"{customers:5,} customers, {held:.0%} held out: covers {_share([one.covers for one in both]):.1%}, "
        f"ever wrong {_share([one.wrong_daily for one in seen]):.1%} / {_share([one.wrong_daily for one in without]):.1%}, "
        f"helps {_share([one.helps for one in seen]):.1%} / {_share([one.helps for one in without]):.1%} "
        f"(daily {_share([one.helps_daily for one in seen]):.1%} / {_share([one.helps_daily for one in without]):.1%}), "
        f"money covers {_share(money):.1%} of {len(money)} shown, {sum(one.refused for one in both)} refused"
    )


def _share(found: list[bool]) -> float:
    return sum(found) / max(1, len(found))
