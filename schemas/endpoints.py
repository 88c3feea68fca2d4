"""The endpoints of the lookup API and of the collector, with their permissions.

The table is the only place for paths and permissions: the web process serves it, and `openapi` documents it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel

from schemas.api import (
    Card,
    CustomerAnswer,
    Explanation,
    Flows,
    Found,
    History,
    Members,
    Messages,
    PlayPreview,
    PlayReport,
    Plays,
    Preview,
    Segmentations,
    Segments,
)
from schemas.collector import MAX_EVENTS, Receipt

Permission = Literal["read", "export", "edit", "write", "outcomes"]
PERMISSIONS: Final[Mapping[Permission, str]] = {
    "read": "look up customers, segments, flows, changes and plays",
    "export": "download all members of segments",
    "edit": "preview other segments",
    "write": "send events",
    "outcomes": "report bounces and complaints",
}
"""Permissions of a token, in words."""

MAX_PAGE: Final = 1_000
MAX_ID: Final = 128
MAX_NAME: Final = 100
MAX_KEY: Final = 200
MAX_SEGMENTS: Final = 100
"""Maximum number of segments in one list of members."""
MAX_DAYS: Final = 400
"""Maximum number of past days in a preview of a play."""
LATEST: Final = (1 << 62) - 1
"""Highest possible number of a move."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path or a query, with the JSON Schema of its value."""

    name: str
    schema: Mapping[str, Any]
    what: str
    place: Literal["query", "path"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One HTTP operation.

    Attributes
    ----------
    id
        Name of the handler, and of the operation in the document.
    permission
        The permission that the token must have; None if no token is needed.
    answer
        The model of a 200 response; None if it is not JSON.
    media
        The content type of a 200 response.
    body
        The content type of the request's body, if it has one.
    takes
        The JSON Schema of the request's body; None for plain text.
    status
        Status of a successful response.
    problems
        Error statuses of this endpoint, besides those that every endpoint may return.
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
    takes: Mapping[str, Any] | None = None
    problems: tuple[int, ...] = field(default=())
    status: int = 200


_NO_NUL: Final = "^[^\\u0000]*$"
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_ID, "pattern": _NO_NUL}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "pattern": _NO_NUL}
_DAY: Final = {"type": "string", "format": "date"}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}
_ID: Final = Parameter("id", _TEXT, "any of the customer's ids", "path")
_SEGMENTATION: Final = Parameter("segmentation", _NAME, "the segmentation", "path")
_SEGMENT: Final = Parameter("segment", _NAME, "the segment's id", "path")
_PLAY: Final = Parameter("name", _NAME, "the play", "path")
_PREDICTIONS: Final = Parameter(
    "predictions", {"type": "boolean", "default": False}, "also what is foreseen, and by which version"
)
_PAGE: Final = Parameter("limit", _LIMIT, "how many at most")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        "customer",
        "GET",
        "/v1/customers/{id}",
        "read",
        "Look up a customer",
        CustomerAnswer,
        (_ID, _PREDICTIONS),
        problems=(404,),
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
        (
            _ID,
            Parameter("before", {"type": "integer", "minimum": 1, "maximum": LATEST}, "only moves before this one"),
            _PAGE,
        ),
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
        "Find customers by the beginning of their id, or by their address",
        Found,
        (
            Parameter("query", _TEXT, "how the id begins, or a whole e-mail address or phone number", required=True),
            _PAGE,
        ),
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
            _PREDICTIONS,
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
        "member_rows",
        "GET",
        "/v1/members",
        "export",
        "Download the customers of one or several segments, a JSON object per line, in the order of the lanes",
        None,
        (
            Parameter(
                "segment",
                {"type": "array", "items": {**_TEXT, "maxLength": MAX_KEY}, "minItems": 1, "maxItems": MAX_SEGMENTS},
                "a segment's id or SEGMENTATION/SEGMENT; may be repeated",
                required=True,
            ),
            Parameter("since", {"type": "string"}, "only customers who entered on or after this day or time"),
            Parameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": 1 << 53}, "how many at most; all unless given"
            ),
        ),
        media="application/x-ndjson",
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
    Endpoint(
        "play_report",
        "GET",
        "/v1/plays/{name}/report",
        "read",
        "Report whether a play helps, by those who were held out",
        PlayReport,
        (_PLAY,),
        problems=(404,),
    ),
    Endpoint(
        "play_preview",
        "POST",
        "/v1/plays/{name}/preview",
        "read",
        "Preview what a play would have done with the changes of the last days",
        PlayPreview,
        (
            _PLAY,
            Parameter(
                "days", {"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": 30}, "how many days back"
            ),
        ),
        problems=(404,),
    ),
)
"""All operations of the lookup API."""

_KEY: Final = Parameter("writeKey", {"type": "string", "maxLength": MAX_KEY}, "the write key, where no header has it")
_SEGMENT_CALLS: Final[Mapping[str, str]] = {
    "track": "t",
    "identify": "i",
    "page": "p",
    "screen": "s",
    "group": "g",
    "alias": "a",
    "batch": "b",
}


_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}
_BATCH: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["batch"],
    "properties": {"batch": {"type": "array", "maxItems": MAX_EVENTS}},
}
_EVENTS: Final[Mapping[str, Any]] = {"anyOf": [_OBJECT, {"type": "array", "maxItems": MAX_EVENTS}]}


def _taking(
    id: str,
    path: str,
    summary: str,
    takes: Mapping[str, Any] = _OBJECT,
    permission: Permission = "write",
    status: int = 200,
) -> Endpoint:
    return Endpoint(
        id,
        "POST",
        path,
        permission,
        summary,
        Receipt,
        (_KEY,),
        body="application/json",
        takes=takes,
        problems=(408, 415),
        status=status,
    )


COLLECTING: Final[tuple[Endpoint, ...]] = (
    _taking(
        "collect", "/v1/events", "Send an event or a list of them, in our form or as CloudEvents", _EVENTS, status=202
    ),
    _taking("outcomes", "/v1/outcomes", "Report what became of messages", _EVENTS, "outcomes", 202),
    Endpoint(
        "webhook",
        "POST",
        "/v1/webhooks/{shop}",
        None,
        "Take a webhook of a shop, which its signature admits",
        Receipt,
        (Parameter("shop", {"enum": ["shopify", "stripe", "woocommerce"]}, "the kind of shop", "path"),),
        body="application/json",
        takes=_OBJECT,
        problems=(404, 408, 415),
    ),
    *(
        _taking(f"{call}{ending}", f"/v1/{name}", f"Segment's `{call}`", _BATCH if call == "batch" else _OBJECT)
        for ending, names in (("", {call: call for call in _SEGMENT_CALLS}), ("_short", _SEGMENT_CALLS))
        for call, name in names.items()
    ),
)
"""The operations that accept events. The key may be in the header (Bearer, or the user name of Basic), in the query, or
in Segment's body.
"""
