"""The responses of the lookup API. Within ``/v1`` nothing is removed or narrowed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, JsonValue

from schemas.changes import Cause

At = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]


class Named(BaseModel):
    """A segment: its stable id, and its name."""

    id: str
    name: str


class Held(Named):
    """The segment a customer is in, and since when."""

    since: At


class NextMove(BaseModel):
    """The next move by silence alone, and its date."""

    to: str
    name: str
    at: At


class Consent(BaseModel):
    """The customer's consent, by the latest event."""

    personalization: bool
    marketing: bool
    analytics: bool


class Part(BaseModel):
    """The contribution of one family of features to the log-odds: ``silence``, ``habit`` or ``newness``."""

    family: str
    log_odds: float


class WhyChance(BaseModel):
    """Why a chance is what it is. ``ordinary`` is that of an ordinary customer; its log-odds and those of all parts add up
    to ``log_odds``, within 1e-6.
    """

    log_odds: float
    ordinary: float
    ordinary_log_odds: float
    parts: list[Part]


class WhySpend(BaseModel):
    """Why so much money is expected: order-days times what one is worth, and both for an ordinary customer."""

    orders: float
    basket: float
    ordinary_orders: float
    ordinary_basket: float


class Why(BaseModel):
    """The reasons of predictions."""

    p_buy_30d: WhyChance
    expected_spend_90d: WhySpend


class Predictions(BaseModel):
    """What is foreseen of a customer at the beginning of a day, by which version (0 comes with the program) and form:
    ``hazard``, or ``cells`` while they stand in for it.
    """

    version: int
    form: str
    day: At
    values: dict[str, float]
    why: Why


class CustomerAnswer(BaseModel):
    """A customer as of the latest thing that happened to it; ``customer_id`` is the main one of its ids."""

    customer_id: str
    as_of: At
    name: str | None
    seq: int
    segments: dict[str, Held]
    features: dict[str, float | str | None]
    next_moves: dict[str, NextMove]
    consent: Consent | None
    last_order: At | None
    predictions: Predictions | None = Field(None, description="Where asked for; null where nothing can be said.")


class Explanation(BaseModel):
    """What `streamer customer show` says, as data: segments and features now, borders, and what would move the customer."""

    customer_id: str
    now: At
    name: str | None
    last_seen: At
    last_moved: At | None
    segments: dict[str, Held]
    features: dict[str, float | str | None]
    next_moves: dict[str, NextMove]
    borders: dict[str, JsonValue]
    ways: dict[str, JsonValue]
    clusters: JsonValue = None
    predictions: Predictions | None = None


class Move(BaseModel):
    """One change of segment, with its reasons."""

    model_config = {"populate_by_name": True}

    seq: int
    event_id: str
    segmentation: str
    before: Annotated[Named | None, Field(alias="from")]
    to: Named | None
    cause: Cause
    automation_safe: bool
    at: At
    reasons: list[dict[str, JsonValue]]


class History(BaseModel):
    """Moves of a customer, newest first; ``next`` goes into ``before`` for the page behind this one."""

    customer_id: str
    moves: list[Move]
    next: int | None


class Messages(BaseModel):
    """Steps of a customer's messages, newest first."""

    customer_id: str
    steps: list[dict[str, JsonValue]]


class Found(BaseModel):
    """Customers who have the query as an address, then those whose ids start with it."""

    customers: list[str]


class Segment(BaseModel):
    """A segment with its size."""

    id: str
    name: str
    meaning: str
    size: int


class Segmentation(BaseModel):
    """A segmentation with its segments."""

    kind: str
    version: int | None
    segments: list[Segment]
    note: str | None = None


class Segments(BaseModel):
    """All segmentations in force, and how many customers are in which segment."""

    segmentations: dict[str, Segmentation]


class Card(BaseModel):
    """A segment: size, share of revenue, and what its customers are like against the shop's average."""

    segmentation: str
    id: str
    name: str
    meaning: str
    size: int
    share: float | None
    revenue_share: float | None
    typical: dict[str, JsonValue]
    shop: dict[str, JsonValue]
    words: str


class Foreseen(BaseModel):
    """Predictions for a member, and their version."""

    version: int
    values: dict[str, float]


class Member(BaseModel):
    """A customer in a list of members."""

    customer_id: str
    since: At
    name: str | None
    last_order: At | None
    next_move: NextMove | None
    predictions: Foreseen | None = Field(None, description="Where asked for; null where nothing can be said.")


class Members(BaseModel):
    """A page of members. ``next`` goes into ``cursor`` for the page behind this one; a customer who stays in the segment is
    seen exactly once over all pages.
    """

    segmentation: str
    segment: str
    members: list[Member]
    next: str | None


class Flow(BaseModel):
    """Number of customers who moved from one segment to another; null means no segment."""

    model_config = {"populate_by_name": True}

    before: Annotated[str | None, Field(alias="from")]
    to: str | None
    cause: Cause
    customers: int


class Flows(BaseModel):
    """Moves within a segmentation, from the first day to the last, both included."""

    segmentation: str
    first_day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    last_day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    flows: list[Flow]


class Segmentations(BaseModel):
    """The file of segmentations in force."""

    version: int
    text: str


class Preview(BaseModel):
    """The moves if a file came into force; as `streamer segments preview --json`."""

    model_config = {"extra": "allow"}


class Plays(BaseModel):
    """The state of each play."""

    plays: dict[str, dict[str, JsonValue]]


class Arm(BaseModel):
    """One arm of a play: customers measured, how many bought, and the sum and sum of squares of what they spent."""

    n: int
    bought: int
    money: float
    squares: float


class Interval(BaseModel):
    """An estimate with the bounds of its 95 % interval."""

    estimate: float
    low: float
    high: float


class PlayReport(BaseModel):
    """The effect of a play compared with the holdout; as `streamer plays report --json`.

    ``uplift`` is a difference of shares, ``money`` one of net revenue a customer; null where nothing can be said yet.
    """

    model_config = {"extra": "allow"}

    sent: Arm
    held_out: Arm
    arms_are_off: bool
    final: bool
    uplift: Interval | None
    money: Interval | None
    says: str


class PlayPreview(BaseModel):
    """The messages a play would have sent for the changes of the last days; as `streamer plays preview --json`.

    ``dropped`` and ``who`` are by what became of the messages; ``who`` names the first customers of each. ``months_needed``
    is how long it takes until the report can say whether the play helps; null where it never can.
    """

    days: int
    changes: int
    planned: int
    sent: int
    withheld: int
    waiting: int
    dropped: dict[str, int]
    who: dict[str, list[str]]
    templates: dict[str, int]
    stopped: str
    customers_needed: int | None
    a_month: float
    months_needed: float | None


class Problem(BaseModel):
    """An error (RFC 9457), and how to fix it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
