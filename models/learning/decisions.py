"""People's decisions about clusters: approve or reject a proposal, rename a segment.

Each is a function of the learner's state and the day. The owner applies it once; repeating it has no effect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.behaviour.model import ClusterModel, Transition
from models.learning.owner_types import Learned

if TYPE_CHECKING:
    from models.learning.learner import Learner

MOST_NAME = 60
"""Maximum number of characters in a name."""


def approve(learner: Learner, number: int, day: int) -> Learned:
    """Publish the waiting proposal ``number``, rebuilt on the panel as of ``day``; ``kept`` if it no longer waits."""
    waiting = learner.state.proposal
    if waiting is None or waiting.number != number:
        return Learned("kept")
    return Learned("promoted", learner.adopt(waiting, day), waiting)


def reject(learner: Learner, number: int, day: int) -> Learned:
    """Drop the waiting proposal ``number`` and suppress its like for some time; ``kept`` if it no longer waits."""
    state = learner.state
    waiting = state.proposal
    if waiting is None or waiting.number != number:
        return Learned("kept")
    state.turned_down = {**state.turned_down, waiting.subject: day}
    state.proposal = None
    return Learned("rejected", None, waiting)


def rename(learner: Learner, segment_id: str, name: str, day: int) -> Learned:
    """Publish the version in force again with another name for a segment; no customer moves.

    Returns ``kept`` if the name is taken or unchanged, or if there is no such segment.
    """
    state, model = learner.state, learner.model
    if model is None or name_refused(model, segment_id, name) is not None:
        return Learned("kept")
    survived = tuple(Transition("survive", (s.segment_id,), (s.segment_id,), 1.0) for s in model.segments)
    renamed = replace(
        named(model, segment_id, name),
        version=state.last_version + 1,
        parent=model.version,
        transitions=survived,
    )
    state.last_version = renamed.version
    learner.enter(renamed, day)
    if state.proposal is not None:
        state.proposal = replace(state.proposal, model=named(state.proposal.model, segment_id, name))
    return Learned("renamed", renamed)


def name_refused(model: ClusterModel, segment_id: str, name: str) -> str | None:
    """Return why a name is refused: ``unknown`` id, ``empty``, ``long``, ``taken``, ``same``; None if it is not."""
    segment = model.by_id(segment_id)
    if segment is None:
        return "unknown"
    if not name.strip() or name != name.strip() or not name.isprintable():
        return "empty"
    if len(name) > MOST_NAME:
        return "long"
    if segment.name == name:
        return "same"
    return "taken" if any(other.name == name for other in model.segments) else None


def named(model: ClusterModel, segment_id: str, name: str) -> ClusterModel:
    """Return the same version with another name for a segment."""
    segments = tuple(replace(s, name=name) if s.segment_id == segment_id else s for s in model.segments)
    return replace(model, segments=segments)
