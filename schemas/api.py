"""The responses of the lookup API. Fields are never removed or narrowed within ``/v1``."""

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
    """The customer's segment, and when the customer entered it."""

    since: At


class NextMove(BaseModel):
    """The next move that inactivity alone would cause, and its date."""

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
    """The reasons of a probability. The log-odds of ``ordinary`` (an ordinary customer) and of all parts add up to
    ``log_odds``, within 1e-6.
    """

    log_odds: float
    ordinary: float
    ordinary_log_odds: float
    parts: list[Part]


class WhySpend(BaseModel):
    """The reasons of the expected spend: order-days and spend per order-day, each beside those of an ordinary customer."""

    orders: float
    basket: float
    ordinary_orders: float
    ordinary_basket: float


class Why(BaseModel):
    """The reasons of predictions."""

    p_buy_30d: WhyChance
    expected_spend_90d: WhySpend


class Predictions(BaseModel):
    """Predictions for a customer at the start of a day, with their version and form.

    Version 0 is the shipped one. The form is ``hazard``, or ``cells`` while the cells replace it.
    """

    version: int
    form: str
    day: At
    values: dict[str, float]
    why: Why


class CustomerAnswer(BaseModel):
    """A customer as of its latest event or move; ``customer_id`` is the main one of its ids."""

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
    """The output of `streamer customer show` as data: current segments and features, borders, and the changes that
    would move the customer.
    """

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
    """Moves of a customer, newest first. Pass ``next`` as ``before`` to get the next page."""

    customer_id: str
    moves: list[Move]
    next: int | None


class Messages(BaseModel):
    """Steps of a customer's messages, newest first."""

    customer_id: str
    steps: list[dict[str, JsonValue]]


class Found(BaseModel):
    """Customers with the query as their address, then those whose ids start with it."""

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
    """All segmentations in force, with the number of customers in each segment."""

    segmentations: dict[str, Segmentation]


class Card(BaseModel):
    """A segment card: size, share of revenue, and its customers compared with the shop's average."""

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
    """A page of members. Pass ``next`` as ``cursor`` to get the next page. A customer who stays in the segment appears
    exactly once over all pages.
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
    """Moves within a segmentation between two days, both included."""

    segmentation: str
    first_day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    last_day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    flows: list[Flow]


class Segmentations(BaseModel):
    """The file of segmentations in force."""

    version: int
    text: str


class Preview(BaseModel):
    """The moves that a segmentation file would cause, as in `streamer segments preview --json`."""

    model_config = {"extra": "allow"}


class Plays(BaseModel):
    """The state of each play."""

    plays: dict[str, dict[str, JsonValue]]


class Arm(BaseModel):
    """One arm of a play: number of customers measured, number of buyers, and the sum and sum of squares of their spend."""

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
    """The effect of a play compared with the holdout, as in `streamer plays report --json`.

    ``uplift`` is a difference of shares, ``money`` a difference of net revenue per customer; both are null while there
    is too little data.
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
    """The messages that a play would have sent for the changes of the last days, as in `streamer plays preview --json`.

    ``dropped`` and ``who`` are grouped by the result of the messages; ``who`` names the first customers of each group.
    ``months_needed`` is the time until the report can show whether the play helps; null if it never can.
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
    """An error (RFC 9457), with a hint how to fix it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
