"""Define the settings of ``act``'s owner."""

from __future__ import annotations

from dataclasses import dataclass

from models.messages import Language
from schemas.signing import ControlKeys


@dataclass(frozen=True, slots=True)
class ActSettings:
    """Settings of the owner.

    Attributes
    ----------
    messages_a_turn
        Maximum number of messages evaluated in one turn.
    again_ms
        Delay before re-evaluating a message whose customer's lane, or the view, is not ready.
    patience_seconds
        Time for which one turn waits for the inputs to be read to their ends.
    lease_seconds
        Maximum time from a claim to its call: a process frozen for longer may not be the owner any more.
    stop_seconds
        Time for which a stopping owner waits for calls in progress.
    event_clock
        Whether to use the lanes' clocks (``STREAMER_CLOCK=event``) instead of the wall clock.
    """

    messages_a_turn: int = 200
    again_ms: int = 500
    patience_seconds: float = 2.0
    lease_seconds: float = 3.0
    stop_seconds: float = 10.0
    event_clock: bool = False
    language: Language = "en"
    control_keys: ControlKeys | None = None
