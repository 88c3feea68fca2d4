from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidEvent, UserError
from schemas.fields import MAX_AMOUNT
from schemas.money import EXPONENTS, Rates, convert, exponent, to_minor


def by_decimal(amount: float, places: int) -> int:
    return int((Decimal(repr(amount)) * 10**places).quantize(Decimal(1), ROUND_HALF_EVEN))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (139.12, "GBP", 13912),
        (1.005, "EUR", 100),  # as a decimal: half, to even
        (1.015, "EUR", 102),
        (2.675, "EUR", 268),  # as a float it is a little less than half
        (0.125, "EUR", 12),
        (-0.125, "EUR", -12),
        (1499.5, "JPY", 1500),
        (0.0005, "KWD", 0),
        (0.0015, "KWD", 2),
        (77183.6, "GBP", 7718360),
        (1e12, "KWD", 10**15),
        (-0.0, "GBP", 0),
    ],
)
def test_half_even_of_the_number_that_json_shows(amount: float, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor
    assert isinstance(to_minor(amount, currency), int)


@given(st.floats(-MAX_AMOUNT, MAX_AMOUNT), st.integers(0, 3))
def test_any_amount_equals_decimal_arithmetic(amount: float, places: int) -> None:
    assert to_minor(amount, places) == by_decimal(amount, places)


@given(st.integers(-(10**13), 10**13), st.integers(0, 3), st.integers(0, 4))
def test_amounts_at_and_near_a_half_equal_decimal_arithmetic(digits: int, places: int, more: int) -> None:
    amount = float(Decimal(digits) * 10 + 5) / 10 ** (places + more)
    assert to_minor(amount, places) == by_decimal(amount, places)


def test_exponents() -> None:
    assert [exponent(code) for code in ("JPY", "EUR", "KWD", "ISK", "TND")] == [0, 2, 3, 0, 3]
    assert len(EXPONENTS) > 150 and all(len(code) == 3 and code.isupper() for code in EXPONENTS)
    with pytest.raises(InvalidEvent) as refused:
        exponent("XTS")
    assert refused.value.reason == "unknown_currency"


def test_rates_turn_foreign_money_into_the_shops() -> None:
    rates = Rates("GBP", {"EUR": 0.86, "JPY": 0.0053})
    assert rates.minor(10.0, "GBP") == rates.minor(10.0) == 1000
    assert rates.minor(10.0, "EUR") == 860
    assert rates.minor(1499.0, "JPY") == 794  # 7.9447 pounds
    assert convert(0.5, 0.25, 2) == 12  # 12.5 to even
    assert Rates("JPY", {"EUR": 160.0}).minor(9.99, "EUR") == 1598


def test_a_currency_without_a_rate_is_unknown() -> None:
    with pytest.raises(InvalidEvent) as refused:
        Rates("GBP").minor(1.0, "EUR")
    assert (refused.value.reason, refused.value.field) == ("unknown_currency", "currency")


@pytest.mark.parametrize("rates", [{"EUR": 0.0}, {"EUR": float("nan")}, {"eur": 1.0}])
def test_bad_rates_are_reported_in_plain_words(rates: dict[str, float]) -> None:
    with pytest.raises(UserError):
        Rates("GBP", rates)
