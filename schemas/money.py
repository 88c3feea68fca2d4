"""Money: JSON numbers with an ISO 4217 code on the wire, integer minor units of the shop's currency inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Final

from schemas.errors import InvalidEvent, UserError

# The active ISO 4217 codes that people pay with, without funds, metals and test codes.
_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
        CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
        HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
        MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
        RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
        TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {code: places for places, codes in _CODES.items() for code in codes.split()}
)

_SCALE: Final = (1, 10, 100, 1000)
# Below this limit the error of one float multiplication is far below the margin of 0.001 that the fast path leaves.
_FAST_LIMIT: Final = 1e11


def exponent(currency: str) -> int:
    """Return the number of decimal places of a currency: JPY 0, EUR 2, KWD 3.

    Raises
    ------
    InvalidEvent
        ``unknown_currency``: no such code.
    """
    places = EXPONENTS.get(currency)
    if places is None:
        raise InvalidEvent("unknown_currency", "currency: not an ISO 4217 code", "currency")
    return places


def to_minor(amount: float, currency: str | int) -> int:
    """Convert an amount to minor units; its decimal number in JSON is rounded half to even.

    Parameters
    ----------
    amount
        Finite. Its shortest decimal text is taken as the exact value: 1.005 is 1.005, not 1.00499999999999989.
    currency
        An ISO 4217 code, or the number of decimal places (0 to 3) if the caller knows it.

    >>> to_minor(1.005, "EUR"), to_minor(1.015, "EUR"), to_minor(-2.55, 2), to_minor(1499.0, "JPY")
    (100, 102, -255, 1499)
    """
    places = currency if isinstance(currency, int) else exponent(currency)
    scaled = amount * _SCALE[places]
    nearest = round(scaled)
    # The float and the decimal product can round differently only near a half.
    if -0.499 < scaled - nearest < 0.499 and -_FAST_LIMIT < scaled < _FAST_LIMIT:
        return nearest
    return _round(Decimal(repr(amount)).scaleb(places))


def convert(amount: float, rate: float, places: int) -> int:
    """Return ``amount * rate`` in minor units of a currency with ``places`` decimal places.

    The decimal product is rounded half to even.
    """
    return _round((Decimal(repr(amount)) * Decimal(repr(rate))).scaleb(places))


def _round(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))


class Rates:
    """The shop's currency, and the exchange rates of other currencies.

    Parameters
    ----------
    base
        ISO 4217 code of the shop's currency.
    rates
        Units of ``base`` for one unit of the currency, such as ``{"EUR": 0.86}`` if ``base`` is GBP.

    Raises
    ------
    UserError
        A code that does not exist, or a rate that is not a positive number.

    >>> Rates("GBP", {"EUR": 0.86}).minor(10.0, "EUR")
    860
    """

    def __init__(self, base: str, rates: Mapping[str, float] | None = None) -> None:
        for code in (base, *(rates or ())):
            if code not in EXPONENTS:
                raise UserError(f"unknown currency {code!r}", "use an ISO 4217 code, for example EUR")
        for code, rate in (rates or {}).items():
            if not (math.isfinite(rate) and rate > 0):
                raise UserError(
                    f"the rate of {code} must be a number greater than zero", (f"set the value of one {code} in {base}")
                )
        self.base = base
        self.rates: Mapping[str, float] = MappingProxyType({**(rates or {}), base: 1.0})
        self.places = EXPONENTS[base]

    def minor(self, amount: float, currency: str | None = None) -> int:
        """Convert an amount to minor units of the shop's currency; no currency means the shop's own.

        Raises
        ------
        InvalidEvent
            ``unknown_currency``: there is no rate for this currency.
        """
        if currency is None or currency == self.base:
            return to_minor(amount, self.places)
        rate = self.rates.get(currency)
        if rate is None:
            raise InvalidEvent("unknown_currency", "currency: no exchange rate is set", "currency")
        return convert(amount, rate, self.places)
