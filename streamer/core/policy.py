"""The settings that decisions depend on, as one value. The same policy and log produce the same decisions."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.features.features import FeatureContext
from models.features.time import DAY_MS, DayGrid
from models.messages import Language
from models.rules.defaults import DEFAULTS
from models.rules.definitions import Definitions
from schemas.ids import NOBODY
from schemas.kindly import Reading
from schemas.money import Rates


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything ``decide`` depends on besides the log.

    Attributes
    ----------
    lanes
        Number of partitions of the input topic.
    lateness_ms
        How far the lane's clock stays behind append time. Events up to this late are still in order.
    early_ms, horizon_ms
        An event later than append time plus ``early_ms`` is ``too_early``; one older than append time less
        ``horizon_ms``, unless imported, is ``too_late``.
    live_window_ms
        A change older than this at its decision is not safe for automation.
    wall
        Whether the wall clock applies (``STREAMER_CLOCK=wall``). It moves idle lanes, so the append time of
        imported records must move lanes too; otherwise a replay of the log would lag behind the original lane.
    label_backfill
        Whether changes caused by imported records have the cause ``backfill``; false in an in-process replay.
    consent_default
        The consent assumed for customers who never sent one: whether they may be segmented.
    merge_known
        Whether a customer with joined ids may itself be joined to another.
    merge_limit
        Maximum number of ids that may be joined to one customer.
    nobody
        Placeholder ids, in lower case, that do not identify a customer.
    strict
        Whether events that break the contract are rejected instead of being read leniently.
    panel_target
        Number of customers the model owner learns from, over all lanes.
    language
        Language of published names; no decision depends on it.
    """

    lanes: int = 1
    grid: DayGrid = field(default_factory=DayGrid)
    rates: Rates = field(default_factory=lambda: Rates("EUR"))
    definitions: Definitions = DEFAULTS
    half_life_days: float = 25.0
    max_event_bytes: int = 262_144
    lateness_ms: int = 5_000
    early_ms: int = 300_000
    horizon_ms: int = 3 * 365 * DAY_MS
    live_window_ms: int = 3_600_000
    wall: bool = False
    label_backfill: bool = True
    consent_default: bool = True
    merge_known: bool = False
    merge_limit: int = 100
    nobody: frozenset[str] = NOBODY
    strict: bool = False
    panel_target: int = 2_000
    language: Language = "en"

    @property
    def reading(self) -> Reading | None:
        """The shop's defaults for lenient reading of events that break the contract; None if they are rejected."""
        return None if self.strict else Reading(self.rates.base, self.grid.zone)

    @property
    def shop(self) -> FeatureContext:
        return FeatureContext(10**self.rates.places, self.half_life_days * DAY_MS, self.grid)
