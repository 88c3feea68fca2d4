"""Preview the moves that another file of segmentations would cause. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.adapters.redis_reader import ViewReader
    from streamer.core.decision import Change
    from streamer.core.policy import Policy
    from streamer.replay.preview import Preview


def preview(
    view: ViewReader,
    policy: Policy,
    text: str,
    now_ms: int,
    on_change: Callable[[Change], None] | None = None,
    on_progress: Callable[[int], None] = lambda customers: None,
) -> Preview:
    """Decide on every customer by ``text``, as an activation would.

    Parameters
    ----------
    policy
        Policy whose segmentations are in force if no lane has run yet.
    on_progress
        Called with the number of customers evaluated.

    Raises
    ------
    UserError
        The file is invalid.
    """
    from models.rules.declared import load
    from streamer.replay.preview import Preview, newest, preview_chunk

    # A lane would reject an invalid file without an error here.
    load(text, 0)
    lanes = view.lanes_copied()
    found = Preview(newest(lanes, policy).version + 1)
    for lane in lanes:
        for people in view.customers(lane.ledger.partition):
            for change in preview_chunk(lane, people, text, found, policy, now_ms):
                if on_change is not None:
                    on_change(change)
            on_progress(found.customers)
    return found
