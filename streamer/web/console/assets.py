"""Serve stylesheet and scripts: read and compressed once, named by content, so that browsers may cache them forever."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from streamer.charts import STYLE
from streamer.charts.theme import DARK, LIGHT

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_DOTS: Final = "".join(
    f".c{at}b{{background:light-dark({one},{other})}}" for at, (one, other) in enumerate(zip(LIGHT, DARK, strict=True))
)
"""Chart colours for elements outside charts."""
_FILES: Final = ("vendor/htmx.min.js", "console.js", "icon.svg")


class Asset(NamedTuple):
    """A file, ready to send."""

    body: bytes
    packed: bytes
    media: str


class Assets:
    """The files under ``/static``."""

    def __init__(self) -> None:
        folder = files("streamer.web.console") / "static"
        style = STYLE.encode() + _DOTS.encode() + (folder / "console.css").read_bytes()
        found = {"console.css": style, **{name: folder.joinpath(name).read_bytes() for name in _FILES}}
        self._files = {name: _asset(name, body) for name, body in found.items()}
        self._marks = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in found.items()}

    def url(self, name: str) -> str:
        """Return the URL of a file, which changes with the content."""
        return f"/static/{name}?v={self._marks[name]}"

    async def serve(self, request: Request) -> Response:
        """Serve ``/static/...``."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such file\n", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, headers={**headers, "content-encoding": "gzip"}, media_type=found.media)
        return Response(found.body, headers=headers, media_type=found.media)


def _asset(name: str, body: bytes) -> Asset:
    return Asset(body, gzip.compress(body, mtime=0), _TYPES[name.rpartition(".")[2]])
