"""The contract of the lookup API: its endpoints, who may call them, and what they answer.

The table is the one place of paths and permissions: the web process serves it, and `openapi` documents it. Within ``/v1``
nothing is removed or narrowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, JsonValue

from schemas.changes import Cause

At = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]
Permission = Literal["read", "export", "edit", "write", "outcomes", "send"]
PERMISSIONS: Final[Mapping[Permission, str]] = {
    "read": "look up customers, segments, flows and changes",
    "export": "download members as CSV",
    "edit": "preview segments and plays",
    "write": "publish events",
    "outcomes": "publish outcomes of messages",
    "send": "start and stop plays",
}
"""What a token may do, in words."""

MAX_PAGE: Final = 1_000


class Named(BaseModel):
    """A segment: its stable id, and its name."""

    id: str
    name: str


class Held(Named):
    """The segment a customer is in, and since when."""

    since: At


class NextMove(BaseModel):
    """Where silence alone takes the customer, and when."""

    to: str
    name: str
    at: At


class Consent(BaseModel):
    """What the customer allows, by the latest event."""

    personalization: bool
    marketing: bool
    analytics: bool


class CustomerAnswer(BaseModel):
    """A customer as of the latest thing that happened to it; ``customer_id`` is the main one of its ids."""

    customer_id: str
    as_of: At
    seq: int
    segments: dict[str, Held]
    features: dict[str, float | str | None]
    next_moves: dict[str, NextMove]
    consent: Consent | None
    last_order: At | None


class Explanation(BaseModel):
    """What `streamer customer show` says, as data: segments and features now, borders, and what would move the customer."""

    customer_id: str
    now: At
    segments: dict[str, Held]
    features: dict[str, float | str | None]
    next_moves: dict[str, NextMove]
    borders: dict[str, JsonValue]
    ways: dict[str, JsonValue]
    clusters: JsonValue = None


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
    """Customers whose ids begin with what was asked for."""

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


class Member(BaseModel):
    """A customer in a list of members."""

    customer_id: str
    since: At
    name: str | None
    last_order: At | None
    next_move: NextMove | None


class Members(BaseModel):
    """A page of members. ``next`` goes into ``cursor`` for the page behind this one; a customer who stays in the segment is
    seen exactly once over all pages.
    """

    segmentation: str
    segment: str
    members: list[Member]
    next: str | None


class Flow(BaseModel):
    """How many customers went from one segment to another; null means no segment."""

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
    """Who would move if a file came into force; as `streamer segments preview --json`."""

    model_config = {"extra": "allow"}


class Plays(BaseModel):
    """How each play stands."""

    plays: dict[str, dict[str, JsonValue]]


class Problem(BaseModel):
    """What went wrong (RFC 9457), and how to fix it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path or a query, with the JSON Schema of its value."""

    name: str
    schema: Mapping[str, Any]
    what: str
    place: Literal["query", "path"] = "query"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation.

    Attributes
    ----------
    id
        Names the handler, and the operation in the document.
    permission
        What the token must allow; None where none is needed.
    answer
        The model of a 200; None where it is no JSON.
    media
        The content type of a 200.
    body
        The content type of the request's body, if it has one.
    problems
        Statuses that it may answer beside 200 and those that every endpoint may.
    """

    id: str
    method: Literal["GET", "POST"]
    path: str
    permission: Permission | None
    summary: str
    answer: type[BaseModel] | None
    parameters: tuple[Parameter, ...] = ()
    media: str = "application/json"
    body: str | None = None
    problems: tuple[int, ...] = field(default=())


_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 128}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_DAY: Final = {"type": "string", "format": "date"}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}
_ID: Final = Parameter("id", _TEXT, "any of the customer's ids", "path")
_SEGMENTATION: Final = Parameter("segmentation", _NAME, "the segmentation", "path")
_SEGMENT: Final = Parameter("segment", _NAME, "the segment's id", "path")
_PAGE: Final = Parameter("limit", _LIMIT, "how many at most")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        "customer", "GET", "/v1/customers/{id}", "read", "Look up a customer", CustomerAnswer, (_ID,), problems=(404,)
    ),
    Endpoint(
        "explanation",
        "GET",
        "/v1/customers/{id}/explanation",
        "read",
        "Explain a customer's segments, and what would change them",
        Explanation,
        (_ID,),
        problems=(404,),
    ),
    Endpoint(
        "history",
        "GET",
        "/v1/customers/{id}/history",
        "read",
        "List a customer's moves with their reasons",
        History,
        (_ID, Parameter("before", {"type": "integer", "minimum": 1}, "only moves before this one"), _PAGE),
        problems=(404,),
    ),
    Endpoint(
        "messages",
        "GET",
        "/v1/customers/{id}/messages",
        "read",
        "List what became of a customer's messages",
        Messages,
        (_ID,),
        problems=(404,),
    ),
    Endpoint(
        "customers",
        "GET",
        "/v1/customers",
        "read",
        "Find customers by the beginning of their id",
        Found,
        (Parameter("query", _TEXT, "how the id begins"), _PAGE),
    ),
    Endpoint("segments", "GET", "/v1/segments", "read", "List segments with their sizes", Segments),
    Endpoint(
        "card",
        "GET",
        "/v1/segments/{segmentation}/{segment}",
        "read",
        "Show the card of a segment",
        Card,
        (_SEGMENTATION, _SEGMENT),
        problems=(404,),
    ),
    Endpoint(
        "members",
        "GET",
        "/v1/segments/{segmentation}/{segment}/members",
        "read",
        "List the customers of a segment",
        Members,
        (
            _SEGMENTATION,
            _SEGMENT,
            Parameter("cursor", {"type": "string", "maxLength": 1_000}, "`next` of the page before"),
            Parameter("order", {"enum": ["since", "id"], "default": "since"}, "newest first, or by id"),
            _PAGE,
        ),
        problems=(404,),
    ),
    Endpoint(
        "members_csv",
        "GET",
        "/v1/segments/{segmentation}/{segment}/members.csv",
        "export",
        "Download the customers of a segment",
        None,
        (_SEGMENTATION, _SEGMENT),
        media="text/csv",
        problems=(404,),
    ),
    Endpoint(
        "flows",
        "GET",
        "/v1/flows",
        "read",
        "Count moves between segments",
        Flows,
        (
            Parameter("segmentation", _NAME, "the segmentation; `lifecycle` unless given"),
            Parameter("from", _DAY, "the first day; 29 days before the last unless given"),
            Parameter("to", _DAY, "the last day; today unless given"),
        ),
    ),
    Endpoint(
        "changes",
        "GET",
        "/v1/changes",
        "read",
        "Follow changes as server-sent events; Last-Event-ID goes on without a gap",
        None,
        (
            Parameter("segmentation", _NAME, "only this segmentation"),
            Parameter("to", _NAME, "only changes to this segment"),
            Parameter("cause", _NAME, "only changes of this cause"),
        ),
        media="text/event-stream",
    ),
    Endpoint("segmentations", "GET", "/v1/segmentations", "read", "Read the file in force", Segmentations),
    Endpoint(
        "preview",
        "POST",
        "/v1/segments/preview",
        "edit",
        "Preview who would move if a file came into force",
        Preview,
        body="application/toml",
        problems=(413, 422),
    ),
    Endpoint("plays", "GET", "/v1/plays", "read", "List plays and how they stand", Plays),
)
"""All operations of the lookup API."""
