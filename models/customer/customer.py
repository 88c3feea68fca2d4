"""What the service knows of one customer, as a lane holds it in memory."""

from __future__ import annotations

import msgspec

from models.customer.dedupe import DedupeWindow
from models.customer.orders import OrderBook
from models.customer.profile import Profile

INTERACTIONS = (
    "product.viewed",
    "product.clicked",
    "cart.added",
    "cart.removed",
    "checkout.started",
    "page.viewed",
    "email.opened",
    "email.clicked",
)
INTERACTION_INDEX = {name: index for index, name in enumerate(INTERACTIONS)}


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
    orders, spend, items, discounted
        Lifetime order count, money (minor units), items, discounted orders; net of reversals.
    spend_weight, order_weight
        Forward-decayed money and orders (``models.customer.decay``).
    first_order, last_order
        Instants of the first and last order that still counts, ms, or None.
    interactions
        Lifetime counts by kind, in the order of ``INTERACTIONS``.
    categories
        Forward-decayed ``[money, interactions]`` per category, bounded (``models.customer.statistics``).
    segments
        Membership by segmentation.
    ring, book
        Remembered event ids and orders.
    about
        Traits, consent, feedback and outcomes of messages (``models.customer.profile``); None for most customers.
    row
        Row in the lane's behaviour memory; -1 without one, such as after a customer withdrew consent.
    era
        The era of ``models.customer.decay`` in which all decayed sums are stored, those of ``about`` included.
    edition
        The version of the declared segmentations that the customer was brought to.
    panel_rank
        Up to which shift the customer is in the owner's panel; -1 while not yet worked out.
    written_ids
        The ring's ``total`` when the state was last written: which ring blocks are still unwritten.
    book_dirty, about_dirty
        Whether the order book, or ``about``, changed since it was last written.
    """

    __slots__ = (
        "as_of",
        "book",
        "book_dirty",
        "born",
        "categories",
        "clock_id",
        "dedupe_window",
        "definitions_version",
        "discounted",
        "due",
        "era",
        "first_order",
        "first_seen",
        "id",
        "interactions",
        "items",
        "last_order",
        "last_seen",
        "order_weight",
        "orders",
        "panel_rank",
        "profile",
        "profile_dirty",
        "row",
        "segments",
        "seq",
        "spend",
        "spend_weight",
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
        self.orders = 0
        self.spend = 0
        self.items = 0
        self.discounted = 0
        self.spend_weight = 0.0
        self.order_weight = 0.0
        self.first_order: int | None = None
        self.last_order: int | None = None
        self.interactions = [0] * len(INTERACTIONS)
        self.categories: dict[str, list[float]] = {}
        self.segments: dict[str, Membership] = {}
        self.dedupe_window = DedupeWindow()
        self.book = OrderBook([], [])
        self.profile: Profile | None = None
        self.profile_dirty = False
        self.row = -1
        self.definitions_version = 1
        self.era = 0
        self.panel_rank = -1
        self.written_ids = 0
        self.book_dirty = False

    @property
    def is_segmentable(self) -> bool:
        """Whether the customer may be put into segments, and so has a behaviour memory."""
        return self.row >= 0

    @property
    def is_alias(self) -> bool:
        """Whether this is only another id of a customer: the state names that customer and holds nothing else."""
        profile = self.profile
        return profile is not None and profile.alias is not None
