"""What the service knows of one customer, as a lane holds it in memory."""

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
    """The segment a customer has in one segmentation, and since when (ms)."""

    segment: str
    since: int


class Customer:
    """Mutable state of one customer; changed only by ``decide``.

    Attributes
    ----------
    id
        The customer's id.
    born
        Partition and offset of the record that created this state; part of every change's id.
    seq
        Number of changes so far, over all segmentations.
    first_seen, last_seen
        Earliest and latest ``occurred_at`` folded, ms.
    as_of
        Latest of folded ``occurred_at`` and applied dues, ms; never goes back.
    clock_id
        The clock this customer lives by: the id of an open import, or None for the lane's.
    due
        Next instant (ms) at which time alone may change a rule or band, or None.
    statistics
        What is counted of the customer (``models.customer.statistics``).
    segments
        Membership by segmentation.
    dedupe_window, book
        Remembered event ids and orders.
    profile
        Traits, consent, feedback and outcomes of messages (``models.customer.profile``); None for most customers.
    row
        Row in the lane's behaviour memory; -1 without one, such as after a customer withdrew consent. Set by `hold_row`.
    is_segmentable
        Whether the customer may be put into segments, and so has a behaviour memory.
    definitions_version
        The version of the declared segmentations that the customer was brought to.
    panel_rank
        Up to which shift the customer is in the owner's panel; -1 while not yet worked out.
    written_ids
        The dedupe window's ``total`` when the state was last written: which blocks are still unwritten.
    book_dirty, profile_dirty
        Whether the order book, or the profile, changed since it was last written.
    foreseen, new_orders
        What predictions keep of the customer (``streamer.core.forecasts``), and the instants (ms) of orders that came since
        then, each after all before it; anything else that is booked drops both. Never written.
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
        """Take a row of the behaviour memory; -1 gives it up."""
        self.row = row
        # Kept, and not a property: every event asks several times.
        self.is_segmentable = row >= 0

    @property
    def is_alias(self) -> bool:
        """Whether this is only another id of a customer: the state names that customer and holds nothing else."""
        profile = self.profile
        return profile is not None and profile.alias is not None

    def see(self, at: int) -> None:
        """Note that an event of the instant ``at`` (ms) was folded."""
        if at < self.first_seen:
            self.first_seen = at
        if at > self.last_seen:
            self.last_seen = at

    def post(self, bookings: Sequence[Booking], half_life: float) -> None:
        """Add bookings of the order book to the statistics, at their own instants; ``half_life`` in ms."""
        statistics = self.statistics
        self._note(bookings)
        for booking in bookings:
            statistics.add(booking, self.weigh(booking.at, half_life))
        statistics.renew(self.book)
        self.book_dirty = True

    def _note(self, bookings: Sequence[Booking]) -> None:
        """Let predictions know what is booked: one more order is soon reckoned in, everything else takes a new look."""
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
        """What one unit at ``at`` adds to decayed sums; they enter the era of ``at`` first where that is a later one."""
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
        """Bring decayed sums to the later of two eras; gives what sums of the other era are multiplied by to be there."""
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
        """The profile, to be changed: made where there is none, and written with the next ``dump``."""
        if self.profile is None:
            self.profile = Profile()
        self.profile_dirty = True
        return self.profile

    def reset(self) -> None:
        """Drop everything that features are made of, except the behaviour memory, which belongs to the cache."""
        self.statistics = Statistics()
        self.due = None
        self.book = OrderBook([], [])
        self.book_dirty = True
        self._drop_foreseen()
        if self.profile is not None:
            self.edit_profile().forget()
