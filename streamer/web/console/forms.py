"""Read the forms of our own pages."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_FORM: Final = 10_000
"""Maximum bytes of a form; ours have a few hundred."""
MOST_FIELDS: Final = 20


async def form_of(request: Request, most: int = MOST_FORM, fields: int = MOST_FIELDS) -> dict[str, str]:
    """Return the fields of a form, empty if it is too long or has too many."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return {}
    try:
        text = body.decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=fields))
    except ValueError:
        return {}
