"""The configuration of a simulated shop."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass

from schemas.errors import UserError
from schemas.money import EXPONENTS
from streamer.simulator.scenarios import scenario_named

_IDS = re.compile(r"[A-Za-z0-9._:@+-]{1,100}")
_SHARES = ("late", "duplicates", "broken", "refunds")
_DEFAULT_START = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""


@dataclass(frozen=True, slots=True)
class ShopConfig:
    """Parameters of a simulated shop; equal parameters produce equal bytes.

    Attributes
    ----------
    customers, days
        Size of the population and length of the history.
    start
        First instant of the history, epoch ms.
    late
        Share of events that arrive hours to days late.
    duplicates
        Number of duplicates (same bytes), as a share of the events.
    broken
        Number of additional records that must become dead letters, as a share of the events.
    refunds
        Share of orders that are later refunded or cancelled, wholly or partly.
    currency
        ISO 4217 code of all amounts.
    ids
        Prefix of customers' ids, so that two shops can share a service.
    all_types
        Whether to add profiles, consents, linked identities, feedback, message outcomes and erasures.

    Noise (``late``, ``duplicates``, ``broken``) never changes the events under it: the same shop without noise sends
    the same bytes without the duplicates and the broken records.

    Raises
    ------
    UserError
        A parameter is out of its range.
    """

    customers: int = 1_000
    seed: int = 1
    scenario: str = "stationary"
    days: int = 365
    start: int = _DEFAULT_START
    late: float = 0.0
    duplicates: float = 0.0
    broken: float = 0.0
    refunds: float = 0.04
    currency: str = "EUR"
    ids: str = "c"
    all_types: bool = False

    def __post_init__(self) -> None:
        scenario_named(self.scenario)
        if self.customers < 1 or self.days < 1:
            raise UserError(
                "the shop needs at least one customer and one day", "pass at least 1 to --customers and --days"
            )
        if self.seed < 0 or self.start < 0:
            raise UserError("seed and start must not be negative", "use 0 or a positive number")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 0.9:
                raise UserError(f"{name} must be a share of all events", "use a number from 0 to 0.9")
        if not _IDS.fullmatch(self.ids):
            raise UserError(
                f"{self.ids!r} cannot be a prefix of customer ids", ("use up to 100 letters, digits, '.' and '-'")
            )
        if self.currency not in EXPONENTS:
            raise UserError(f"unknown currency {self.currency!r}", "use an ISO 4217 code, for example EUR")

    @property
    def end(self) -> int:
        """End of the history (exclusive), epoch ms."""
        return self.start + self.days * 86_400_000

    def digest(self, noise: bool = True) -> str:
        """Return the SHA-256 (hex) of the parameters; without ``noise``, of those that shape the events under it."""
        values = asdict(self)
        if not noise:
            for name in ("late", "duplicates", "broken"):
                del values[name]
        return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()
