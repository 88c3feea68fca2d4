"""Test numbers in all notations: read correctly or rejected, never misread."""

from __future__ import annotations

import pytest

from streamer.sources.numbers import amount, shows


@pytest.mark.parametrize(
    ("decimal", "text", "read"),
    [
        (".", "1,234.50", "1234.50"),
        (".", "$ 12", "12"),
        (".", "-0.5", "-0.5"),
        (",", "+1.234.567,8", "1234567.8"),
        (",", "12,50\u00a0€", "12.50"),
        (".", "1'234.50", "1234.50"),
        (".", "1’234.50", "1234.50"),
        (".", "1,23,456.00", "123456.00"),
        (".", "(12.00)", "-12.00"),
        (".", "($12.00)", "-12.00"),
        (".", "-$12.00", "-12.00"),
        (".", "12.00-", "-12.00"),
        (".", "R$ 12.50", "12.50"),
        (".", "US$12.50", "12.50"),
        (".", "1.2E+3", "1200"),
        (".", "1.25e1", "12.5"),
        (".", "12.50元", "12.50"),
        (".", "￥12.50", "12.50"),
        (".", "１２．５０", "12.50"),
        (".", "١٢٫٥٠", "12.50"),
        (".", ".5", "0.5"),
        (".", "5.", "5"),
        (".", "+5", "5"),
        (",", "12,-", "12"),
        (",", "12,- €", "12"),
        (",", "1.200,--", "1200"),
        (".", "12.—", "12"),
        (".", "人民币12.50", "12.50"),
        (".", "1 234.50", "1234.50"),
        (".", "1\u202f234.50", "1234.50"),
        (".", "\u22125.00", "-5.00"),
        (".", "'-5.00", "-5.00"),
        (",", "1.234.567", "1234567"),
        (",", "CHF 1'234,50", "1234.50"),
        (".", "Rs. 500", "500"),
        (None, "12.50", "12.50"),
        (None, "12,50", "12.50"),
        (None, "1,234.50", "1234.50"),
        (None, "0.350", "0.350"),
        (None, "17", "17"),
    ],
)
def test_amounts_are_read(decimal: str | None, text: str, read: str) -> None:
    assert float(amount(text, decimal).text) == float(read)


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        *(
            (".", text)
            for text in ("1,5", "1,2345", "", "NaN", "Inf", "--5", "12,50", "1 2", "12 34", "1.2.3", "(-5)", "5%")
        ),
        *(
            (".", text)
            for text in ("12 pieces", "CHF 12 EUR", "1e999", "0x10", "½", "-", "()", "1,23,45.00", "+-5", "1_000")
        ),
        *((",", text) for text in ("1.5", "1.23", "1,5,5")),
        *((None, text) for text in ("1.234", "1,234")),
    ],
)
def test_what_may_mean_something_else_is_no_amount(decimal: str | None, text: str) -> None:
    with pytest.raises(ValueError, match=r"not a number|ambiguous"):
        amount(text, decimal)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("CHF 12.50", "CHF"),
        ("12.50 EUR", "EUR"),
        ("€12", "EUR"),
        ("US$12.50", "USD"),
        ("$7 USD", "USD"),
        ("USD $7.50", "USD"),
        ("$12", None),
        ("12", None),
    ],
)
def test_a_currency_beside_the_amount_is_read_where_it_is_beyond_doubt(text: str, currency: str | None) -> None:
    assert amount(text).currency == currency


def test_a_number_shows_its_decimal_sign_where_it_fits_one_alone() -> None:
    texts = ("12.50", "12,50", "1.234,50", "1,234.50", "1.234.567", "1.234", "1,234", "1", "x.y", "0.350")
    assert [shows(text) if text != "x.y" else None for text in texts] == [
        ".",
        ",",
        ",",
        ".",
        ",",
        None,
        None,
        None,
        None,
        ".",
    ]


@pytest.mark.parametrize("text", ["€7 USD", "$ 5 EUR", "¥5 USD", "EUR USD 5", "kr 5 EUR", "5 kr $"])
def test_two_currencies_beside_an_amount_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two currencies"):
        amount(text)
