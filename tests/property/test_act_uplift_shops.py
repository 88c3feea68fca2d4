"""The report of a play against an effect that was planted in simulated shops, looked at daily for 60 days.

``make act`` runs 200 shops and prints the table: with 10, 20 and 50 % held out, of 300 and 3,000 customers. Each shop's play
is lived through once, day by day; what its report says at the date it names, which is a single look, is counted for more
epochs of the play, each with arms of its own.
"""

from __future__ import annotations

import os

from uplift_shops import SCENARIOS, SHOP, Seen, at_the_end, run, silence

SHOPS = int(os.environ.get("ACT_SHOPS", "8"))
FULL = SHOPS >= 200
GRID = [(customers, held) for customers in (300, 3_000) for held in (0.1, 0.2, 0.5)] if FULL else [(300, 0.2)]
EPOCHS = 20
PLANTED = (0.05, 0.0)
Case = tuple[int, float, float]
"""Customers, the share held out, and the effect."""


def test_reports_are_right_as_often_as_they_say() -> None:
    daily: dict[Case, list[Seen]] = {}
    ends: dict[Case, list[Seen]] = {}
    for seed in range(SHOPS):
        shop = silence(seed, SCENARIOS[seed % len(SCENARIOS)], SHOP)
        for number, (customers, held, effect) in enumerate((*cell, effect) for cell in GRID for effect in PLANTED):
            case = customers, held, effect
            lived = run(shop, customers, held, effect, seed)
            end = at_the_end(shop, customers, held, effect, seed, 1)
            assert (end.covers, end.helps, end.money_covers) == (lived.covers, lived.helps, lived.money_covers)
            daily.setdefault(case, []).append(lived)
            epochs = range(1_000 * (1 + number), 1_000 * (1 + number) + EPOCHS)
            ends.setdefault(case, []).extend(at_the_end(shop, customers, held, effect, seed, one) for one in epochs)
    print(f"\n{SHOPS} shops; at the named date {EPOCHS} epochs of each")
    print("customers  held  effect  covers  helps  money covers  ever wrong daily  ever helps daily  refused")
    for case, lives in daily.items():
        print(_row(case, lives, ends[case]))
        assert _share([one.wrong_daily for one in lives]) <= 0.05
        assert case[2] or _share([one.helps_daily for one in lives]) <= 0.025
        assert _share([one.covers for one in ends[case] if not one.refused]) >= (0.93 if FULL else 0.9)
        money = _money(ends[case])
        assert bool(money) == (case[:2] in ((3_000, 0.1), (3_000, 0.2), (3_000, 0.5))) and _share(money) >= 0.91 * bool(
            money
        )
    helps = _share([one.helps for (_, _, effect), seen in ends.items() if not effect for one in seen])
    print(f"no effect: {helps:.2%} of reports at the named date say that the play helps")
    # A few shops say little about a few per cent.
    assert helps <= (0.025 if FULL else 0.06)
    assert not FULL or _share([one.helps for one in ends[3_000, 0.2, 0.05]]) > 0.5


def _row(case: Case, lives: list[Seen], ends: list[Seen]) -> str:
    money, compared = _money(ends), [one for one in ends if not one.refused]
    return (
        f"{case[0]:9,}{case[1]:6.0%}{case[2]:8.0%}{_share([one.covers for one in compared]):8.1%}"
        f"{_share([one.helps for one in compared]):7.1%}{f'{_share(money):.1%}' if money else 'not shown':>14}"
        f"{_share([one.wrong_daily for one in lives]):18.1%}{_share([one.helps_daily for one in lives]):18.1%}"
        f"{sum(one.refused for one in ends):9}"
    )


def _money(seen: list[Seen]) -> list[bool]:
    return [one.money_covers for one in seen if one.money_covers is not None]


def _share(found: list[bool]) -> float:
    return sum(found) / max(1, len(found))
