"""The id of a message: a function of the change, the play and the step, and of nothing else.

So a replay of the topic, a retry, a restart or an edit of the play cannot make a second message out of one change.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("5f2f6a3e-3b3c-5a0e-8f0e-9f7f2c1d4b22")
"""Never change it: receivers drop repeats by these ids."""


def message_id(change_event_id: str, play: str, step: int = 1) -> str:
    """The id of the message of a play that a change causes.

    >>> message_id("c-1", "win_back")
    '25e510f3-54a7-5880-ab2f-bba044096159'
    """
    return str(uuid5(NAMESPACE, f"{change_event_id}/{play}/{step}"))


def step_id(message: str, type: str, attempt: int) -> str:
    """The id of one step in a message's life."""
    return str(uuid5(NAMESPACE, f"{message}/{type}/{attempt}"))
