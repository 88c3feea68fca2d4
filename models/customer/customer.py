"""A customer as a lane holds it in memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp2

import msgspec

from models.customer.decay import ERA, HALF_ERA, LANDMARK, carried, era_of
from models.customer.dedupe import DedupeWindow
from models.customer.orders import Booking, OrderBook
from models.customer.profile import Profile
from models.customer.statistics import CHECKOUT, Statistics


class Membership(msgspec.Struct, array_like=True, gc=False):
    """A customer's segment in one segmentation, and the instant (ms) the customer entered it."""

    segment: str
    since: int


class Customer:
    """Mutable state of one customer; only ``decide`` changes it.

    Attributes
    ----------
    id
        The customer's id.
    born
        Partition and offset of the record that created this state; part of every change's id.
    seq
        Number of changes, over all segmentations.
    first_seen, last_seen
        Earliest and latest ``occurred_at`` folded, ms.
    as_of
        Latest of folded ``occurred_at`` and applied dues, ms; never goes back.
    clock_id
        The clock that applies to this customer: the id of an open import, or None for the lane's clock.
    due
        Next instant (ms) at which time alone may change a rule or band, or None.
    statistics
        Counts and sums (``models.customer.statistics``).
    segments
        Membership by segmentation.
    dedupe_window, book
        Remembered event ids and orders.
    profile
        Traits, consent, feedback and message outcomes (``models.customer.profile``); None for most customers.
    row
        Row in the lane's behaviour memory; -1 without one, for example after consent was withdrawn. Set by `hold_row`.
    is_segmentable
        Whether the customer may be assigned to segments, and so has a behaviour memory.
    definitions_version
        The version of the declared segmentations the customer was last assigned with.
    panel_rank
        The highest shift at which the customer is in the owner's panel; -1 until computed.
    written_ids
        The dedupe window's ``total`` at the last write; blocks after it are unwritten.
    book_dirty, profile_dirty
        Whether the order book, or the profile, changed since the last write.
    foreseen, new_orders
        The prediction state (``streamer.core.forecasts``), and the instants (ms) of orders booked since, in order;
        any other booking clears both. Never written.
    """

    __slots__ = (
        "as_of",
        "book",
        "book_dirty",
        "born",
        "clock_id",
        "dedupe_window",
        "definitions_version",
        "due",
        "first_seen",
        "foreseen",
        "id",
        "is_segmentable",
        "last_seen",
        "new_orders",
        "panel_rank",
        "profile",
        "profile_dirty",
        "row",
        "segments",
        "seq",
        "statistics",
        "written_ids",
    )

    def __init__(self, id: str, born: tuple[int, int], at: int) -> None:
        self.id = id
        self.born = born
        self.seq = 0
        self.first_seen = at
        self.last_seen = at
        self.as_of = at
        self.clock_id: str | None = None
        self.due: int | None = None
        self.statistics = Statistics()
        self.segments: dict[str, Membership] = {}
        self.dedupe_window = DedupeWindow()
        self.book = OrderBook([], [])
        self.profile: Profile | None = None
        self.profile_dirty = False
        self.row = -1
        self.is_segmentable = False
        self.definitions_version = 1
        self.panel_rank = -1
        self.written_ids = 0
        self.book_dirty = False
        self.foreseen: object = None
        self.new_orders: list[int] = []

    def hold_row(self, row: int) -> None:
        """Assign a row of the behaviour memory; -1 releases it."""
        self.row = row
        # A field rather than a property: every event reads it several times.
        self.is_segmentable = row >= 0

    @property
    def is_alias(self) -> bool:
        """Whether this id is an alias: its state names the customer it belongs to and holds nothing else."""
        profile = self.profile
        return profile is not None and profile.alias is not None

    def see(self, at: int) -> None:
        """Record that an event at ``at`` (ms) was folded."""
        if at < self.first_seen:
            self.first_seen = at
        if at > self.last_seen:
            self.last_seen = at

    def post(self, bookings: Sequence[Booking], half_life: float) -> None:
        """Add bookings of the order book to the statistics, each at its own instant; ``half_life`` in ms."""
        statistics = self.statistics
        self._note(bookings)
        for booking in bookings:
            statistics.add(booking, self.weigh(booking.at, half_life))
        statistics.renew(self.book)
        self.book_dirty = True

    def _note(self, bookings: Sequence[Booking]) -> None:
        """Update the prediction state: a newer order is appended, any other booking forces a full recomputation."""
        if self.foreseen is None:
            return
        last = self.statistics.last_order
        if len(bookings) == 1 and bookings[0].orders == 1 and (last is None or bookings[0].at >= last):
            self.new_orders.append(bookings[0].at)
        else:
            self._drop_foreseen()

    def _drop_foreseen(self) -> None:
        self.foreseen = None
        self.new_orders.clear()

    def interact(self, kind: int, category: str | None, at: int, half_life: float) -> None:
        """Count one interaction of a kind (index into ``INTERACTIONS``) at ``at``; both in ms."""
        self.statistics.interactions[kind] += 1
        if kind == CHECKOUT:
            self.statistics.check_out(at)
        if category is not None:
            self.statistics.add_category(category, 0.0, self.weigh(at, half_life))

    # -- eras of decayed sums ---------------------------------------------------------------------------------

    def weigh(self, at: int, half_life: float) -> float:
        """Return the weight of one unit at ``at`` in decayed sums; move them to the era of ``at`` if it is later."""
        statistics = self.statistics
        exponent = (at - LANDMARK) / half_life - ERA * statistics.era
        if not -HALF_ERA <= exponent < HALF_ERA:
            era = era_of(at, half_life)
            if era > statistics.era:
                self._enter_era(era)
            elif not self._has_sums:
                statistics.era = era
            exponent = (at - LANDMARK) / half_life - ERA * statistics.era
        return exp2(exponent)

    def join_era(self, era: int) -> float:
        """Move decayed sums to the later of the two eras; return the factor that brings sums of ``era`` into it."""
        if era > self.statistics.era:
            self._enter_era(era)
        elif era < self.statistics.era and not self._has_sums:
            self.statistics.era = era
        return carried(self.statistics.era - era)

    @property
    def _has_sums(self) -> bool:
        return self.statistics.has_sums or (self.profile is not None and self.profile.has_sums)

    def _enter_era(self, era: int) -> None:
        factor = carried(era - self.statistics.era)
        self.statistics.era = era
        self.statistics.fade(factor)
        if self.profile is not None:
            self.profile.fade(factor)
            self.profile_dirty = True

    def edit_profile(self) -> Profile:
        """Return the profile for editing: created if missing, and written by the next ``dump``."""
        if self.profile is None:
            self.profile = Profile()
        self.profile_dirty = True
        return self.profile

    def reset(self) -> None:
        """Drop everything features are computed from, except the behaviour memory, which belongs to the cache."""
        self.statistics = Statistics()
        self.due = None
        self.book = OrderBook([], [])
        self.book_dirty = True
        self._drop_foreseen()
        if self.profile is not None:
            self.edit_profile().forget()
