from __future__ import annotations

import numpy as np
import pytest

from models.behaviour.layout import VECTOR
from models.behaviour.tables import fit_table
from models.learning.diary import WINDOW, Diary, phi, sigma2

START = WINDOW * 100


def diary_of(days: dict[int, tuple[float | None, bool]], first: int = START) -> Diary:
    diary = Diary(first, first)
    for day, (basket, click) in days.items():
        diary.note(day, basket, click)
    diary.close()
    return diary


def test_baskets_give_a_customers_own_spread() -> None:
    rng = np.random.default_rng(1)
    diaries = [
        diary_of({START + i: (mean + float(rng.normal(0, 0.5)), False) for i in range(40)})
        for mean in rng.normal(8, 2, 50)
    ]
    assert sigma2(diaries) == pytest.approx(0.25, rel=0.1)


def test_the_last_word_on_a_day_counts_and_late_news_of_a_closed_one_does_not() -> None:
    diary = Diary(START, START)
    diary.note(START, 1.0, False)
    diary.note(START, 2.0, True)
    diary.note(START + 1, 5.0, False)
    diary.note(START, 9.0, True)
    diary.close()
    diary.note(START + 1, 7.0, True)
    diary.close()
    assert diary.counts == {100: [2, 1]} and diary.steps == 1 and diary.stepped == pytest.approx(3.0)


@pytest.mark.parametrize(("burst", "low", "high"), [(1, 0.9, 1.35), (4, 3.0, 6.0)])
def test_phi_separates_bursts_from_chance(burst: int, low: float, high: float) -> None:
    rng = np.random.default_rng(2)
    diaries = []
    for _ in range(150):
        days: set[int] = set()
        for start in np.flatnonzero(rng.random(WINDOW * 6) < 0.15 / burst):
            days |= {START + int(start) + j for j in range(burst)}
        diaries.append(diary_of(dict.fromkeys(sorted(days), (8.0, False))))
    orders, clicks = phi(diaries, START + WINDOW * 6)
    assert low <= orders <= high and clicks == 1.0


def test_only_a_few_windows_are_kept() -> None:
    diary = diary_of({START + i * WINDOW: (8.0, False) for i in range(30)})
    assert len(diary.counts) <= 7


def test_a_table_holds_rates_and_how_alike_members_are() -> None:
    rng = np.random.default_rng(3)
    shapes = []
    for alike in (2.0, 40.0):
        rates = 0.1 * rng.gamma(alike, 1 / alike, 400)
        stats = np.zeros((VECTOR, 400))
        stats[0] = 170
        stats[1] = rng.poisson(rates * 170)
        stats[4] = stats[1] * 2
        stats[3] = stats[1] * 5_000
        stats[5] = stats[1] * (8 + rng.normal(0, 0.3, 400))
        stats[6] = stats[4] * 0.25
        table = fit_table(stats, 0.01, 8.0, 0.5)
        assert table.order_rate == pytest.approx(0.1, rel=0.15)
        assert table.click_rate > 0
        assert (table.orders_a_day, table.basket, table.discount) == pytest.approx((2, 5_000, 0.25), rel=0.02)
        assert table.log_basket_var == pytest.approx(0.09, rel=0.2)
        shapes.append(table.order_shape)
    assert shapes[0] == pytest.approx(2.0, rel=0.4) and shapes[1] > 10


def test_a_table_of_nobody_is_still_usable() -> None:
    table = fit_table(np.zeros((VECTOR, 0)), 0.2, 8.0, 0.3)
    assert min(table.order_rate, table.click_rate, table.order_shape, table.log_basket_var) > 0
    assert 0 < table.discount < 1 and table.log_basket == 8.0
