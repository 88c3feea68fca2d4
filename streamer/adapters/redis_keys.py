"""Define all Redis keys, the version of their layout, and the functions that read and write them.

Keys of lane 3 begin with ``streamer:{3}:``, so that a cluster stores a lane in one slot. N is the layout's number:

=========================  ================================================================
``customer:ID``            the readable JSON document; shops read it, and its key never changes
``token``                  the layout of the keys below and their changelog position
``vN:parts:ID``            hash of the state's parts (``models.customer.snapshot``)
``vN:due:CLOCK_ID``        sorted set of next due instants (ms), per clock
``vN:clocks``              the imports with their own clock
``vN:ids``                 sorted set of all customer ids
``vN:aliases``             set of alias ids
``vN:counts``              sizes of the indexes after the last write
``vN:ledger``              the lane's ledger, JSON
``vN:sizes``               customers per ``segmentation/segment``
``vN:models``              cluster models by version
``vN:definitions``         texts of declared segmentations by version
``vN:erased``              remembered erases by salted hash of the id
``vN:trouble``             the owner's note about a batch that blocks the lane, JSON
=========================  ================================================================

Releases with different layouts may run side by side. Each has its own functions and calls only those. A lane
has one token in any layout: a worker that finds the token of another layout restores the lane from the changelog,
which first deletes all of the lane's keys, and the previous writer can no longer write.

Increase `LAYOUT` whenever the library, its arguments or the meaning of a key changes after a release.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

LAYOUT: Final = 2
"""Layout 1, of release 0.1.0, had no number in its keys, functions and tokens."""

_OWN: Final = (
    *("parts:", "due:", "clocks", "ids", "aliases", "counts"),
    *("ledger", "sizes", "models", "definitions", "erased"),
)
"""Keys of one layout, without its number. Those that end in a colon are followed by a customer or clock id."""
_SHARED: Final = ("customer:", "token")
"""Keys shared by all layouts."""


def root(prefix: str) -> str:
    """Return the common prefix of a service's keys."""
    return prefix or "streamer"


def imports_key(prefix: str) -> str:
    """Return the key of the hash that stores imports, which belongs to no lane."""
    return f"{root(prefix)}:imports"


def literal(key: str) -> str:
    """Return a glob pattern that matches only this key."""
    return "".join(f"\\{char}" if char in "*?[]\\^" else char for char in key)


@dataclass(frozen=True, slots=True)
class LaneKeys:
    """Keys of one lane, or of a trial if ``lane`` is a word.

    >>> keys = LaneKeys("", 3, layout=2)
    >>> keys.document("17"), keys.parts("17"), keys.token
    ('streamer:{3}:customer:17', 'streamer:{3}:v2:parts:17', 'streamer:{3}:token')
    """

    prefix: str
    lane: int | str
    layout: int = LAYOUT
    base: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", f"{root(self.prefix)}:{{{self.lane}}}")

    @property
    def token(self) -> str:
        return f"{self.base}:token"

    @property
    def ledger(self) -> str:
        return self._own("ledger")

    @property
    def ids(self) -> str:
        return self._own("ids")

    @property
    def models(self) -> str:
        return self._own("models")

    @property
    def definitions(self) -> str:
        return self._own("definitions")

    @property
    def erased(self) -> str:
        return self._own("erased")

    @property
    def trouble(self) -> str:
        return self._own("trouble")

    @property
    def pattern(self) -> str:
        """Pattern that matches all keys of the lane, including those of other layouts."""
        return f"{literal(self.base)}:*"

    def document(self, id: str) -> str:
        return f"{self.base}:customer:{id}"

    def parts(self, id: str) -> str:
        return self._own(f"parts:{id}")

    def due(self, clock_id: str) -> str:
        return self._own(f"due:{clock_id}")

    def _own(self, name: str) -> str:
        return f"{self.base}:v{self.layout}:{name}"


def stored_token(token: str | None, layout: int = LAYOUT) -> str:
    """Return the token as stored in Redis, with its layout, or an empty text for None.

    >>> stored_token("5f3a:17", 2), own_token("v2/5f3a:17", 2), own_token("v1/5f3a:17", 2), own_token("5f3a:17", 2)
    ('v2/5f3a:17', '5f3a:17', None, None)
    """
    return "" if token is None else f"v{layout}/{token}"


def own_token(stored: str, layout: int = LAYOUT) -> str | None:
    """Return the token if it belongs to this layout, else None."""
    mark = f"v{layout}/"
    return stored[len(mark) :] if stored.startswith(mark) else None


def read_function(layout: int = LAYOUT) -> str:
    return f"streamer_v{layout}_read"


def write_function(layout: int = LAYOUT) -> str:
    return f"streamer_v{layout}_write"


def library(layout: int = LAYOUT) -> str:
    """Return the source of the functions, which are named after this layout."""
    keys = {name: f":{name}" for name in _SHARED} | {name: f":v{layout}:{name}" for name in _OWN}
    names = ", ".join(name.rstrip(":").upper() for name in keys)
    values = ", ".join(f"'{key}'" for key in keys.values())
    functions = f"local READ, WRITE = '{read_function(layout)}', '{write_function(layout)}'"
    return f"#!lua name=streamer_v{layout}\n\nlocal {names} = {values}\n{functions}\n{_BODY}"


_BODY: Final = files("streamer.adapters").joinpath("redis_view.lua").read_text(encoding="utf-8")
