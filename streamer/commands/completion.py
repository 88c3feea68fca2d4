"""Complete ids in the shell: customers and segments of the running service.

A shell asks while the user types, so answers must be fast and errors silent.
"""

from __future__ import annotations

from typing import Final

from schemas.errors import TransientError, UserError

MOST: Final = 50
"""Maximum number of ids to offer."""


def customer_ids(incomplete: str) -> list[str]:
    """Return customers whose id starts with this text, or none if no service is running."""
    from streamer.client.connections import connections

    try:
        with connections() as to:
            return to.view.ids_like(incomplete, MOST)
    except (UserError, TransientError):
        return []


def segment_ids(incomplete: str) -> list[str]:
    """Return segments of the segmentations in force, or of the built-in ones if no service is running.

    >>> segment_ids("at_")
    ['at_risk']
    """
    found = sorted({id for id in _segments() if id.startswith(incomplete)})
    return found[:MOST]


def _segments() -> list[str]:
    from streamer.client.connections import connections
    from streamer.commands.common import settings

    try:
        with connections() as to:
            model = to.view.model()
            clusters = [] if model is None else [one.segment_id for one in model.segments]
            return [segment.id for one in to.definitions.segmentations for segment in one.segments] + clusters
    except (UserError, TransientError):
        definitions = settings().policy().definitions
        return [segment.id for one in definitions.segmentations for segment in one.segments]
