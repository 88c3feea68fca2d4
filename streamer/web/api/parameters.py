"""Parse request parameters and encode answers."""

from __future__ import annotations

import base64
import binascii
from datetime import date
from typing import Any, Final
from unicodedata import normalize

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from models.messages.count import Count
from schemas.endpoints import MAX_ID, MAX_KEY, MAX_NAME, MAX_PAGE
from streamer.web.api.problems import ProblemError
from streamer.web.readmodel.reading import Order, Place

MEDIA: Final = "application/json"
_MEDIA: Final = MEDIA.encode()
_encode: Final = msgspec.json.Encoder().encode
_EPOCH: Final = date(1970, 1, 1).toordinal()
FIRST_DAY: Final = date.min.toordinal() - _EPOCH
"""The day number of the earliest representable date."""


class _Json(Response):
    """A 200 response with JSON whose headers are built faster than Starlette's."""

    media_type = MEDIA

    def __init__(self, content: bytes) -> None:
        self.status_code, self.background, self.body = 200, None, content
        self.raw_headers = [(b"content-type", _MEDIA), (b"content-length", b"%d" % len(content))]


def answer(body: dict[str, Any]) -> Response:
    """Return a 200 response with JSON."""
    return _Json(_encode(body))


def wrong(name: str, must: str) -> ProblemError:
    """The problem for an invalid parameter."""
    return ProblemError(400, f"parameter {name} is invalid", f"{name} must be {must}")


def id_of(request: Request, name: str = "id") -> str:
    """Return an id from the path, in NFC like the ids of events."""
    return _text(request.path_params[name], name)


def text_of(request: Request, name: str, otherwise: str | None = None, *, longest: int = MAX_ID) -> str:
    """Return a text from the query."""
    found = request.query_params.get(name, otherwise)
    if found is None:
        raise wrong(name, "given")
    return _text(found, name, longest)


def texts_of(request: Request, name: str, most: int) -> list[str]:
    """Return the texts of a query parameter that may be repeated; at least one is required."""
    found = request.query_params.getlist(name)
    if not 1 <= len(found) <= most:
        raise wrong(name, f"given 1 to {Count(most):|time}")
    return [_text(one, name, MAX_KEY) for one in found]


def name_of(request: Request, name: str, otherwise: str | None = None) -> str | None:
    """Return the name of a segmentation, segment or cause from the query."""
    if otherwise is None and name not in request.query_params:
        return None
    return text_of(request, name, otherwise, longest=MAX_NAME)


def _text(found: str, name: str, longest: int = MAX_ID) -> str:
    text = normalize("NFC", found)
    if not 1 <= len(text) <= longest or "\0" in text or not _encodes(text):
        raise wrong(name, f"a text of 1 to {longest} characters")
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_of(request: Request, name: str, least: int, most: int, otherwise: int | None) -> int | None:
    """Return a whole number from the query, within limits."""
    found = request.query_params.get(name)
    if found is None:
        return otherwise
    if not (found.isascii() and found.isdigit() and len(found) <= 19) or not least <= int(found) <= most:
        raise wrong(name, f"a whole number from {least} to {most}")
    return int(found)


def limit_of(request: Request) -> int:
    """Return the requested page size."""
    found = number_of(request, "limit", 1, MAX_PAGE, 100)
    assert found is not None
    return found


def flag_of(request: Request, name: str) -> bool:
    """Return whether an optional part is requested."""
    if not request.scope["query_string"]:
        # Most requests have no query, and reading it takes as long as the other checks.
        return False
    match request.query_params.get(name, "false"):
        case "true":
            return True
        case "false":
            return False
    raise wrong(name, "true or false")


def order_of(request: Request) -> Order:
    """Return the requested order of members."""
    match request.query_params.get("order", "since"):
        case "since":
            return "since"
        case "id":
            return "id"
    raise wrong("order", "since or id")


def day_of(request: Request, name: str, otherwise: int) -> int:
    """Return a day from the query, as its number."""
    found = request.query_params.get(name)
    if found is None:
        return otherwise
    try:
        return date.fromisoformat(found).toordinal() - _EPOCH if len(found) == 10 else _no_day(name)
    except ValueError:
        return _no_day(name)


def _no_day(name: str) -> int:
    raise wrong(name, "a day such as 2026-05-04")


def day_text(day: int) -> str:
    """Format a day's number as a date."""
    return date.fromordinal(day + _EPOCH).isoformat()


def cursor(place: Place, order: Order) -> str:
    """Encode a place in a list, for the next page.

    >>> place_of(cursor(Place(7, "ann"), "since"), "since")
    Place(since=7, customer='ann')
    """
    raw = msgspec.json.encode([order, place.since, place.customer])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def place_of(text: str | None, order: Order) -> Place | None:
    """Decode a cursor. Raises ProblemError unless `cursor` created it for this order."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        made_for, since, customer = msgspec.json.decode(raw, type=tuple[str, int, str])
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise wrong("cursor", "`next` of a page of this list") from None
    if made_for != order or not -(1 << 62) < since < 1 << 62:
        raise wrong("cursor", "`next` of a page in the same order")
    return Place(since, customer)
