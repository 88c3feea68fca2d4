"""Alerts on ``streamer.alerts.v1`` for users without an Alertmanager.

Each condition has one record when it begins and one when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from pydantic import model_validator

from schemas.fields import Id, Instant, Text, Wire

ALERT_NAMESPACE: Final = UUID("4a8e5c52-2a51-5b7e-8a86-3f0b9d6a7c11")
"""Namespace of alert ids. Never change it: consumers drop duplicates by these ids."""

AlertName = Literal["LaneStopped", "UnaccountedRecords", "RejectRatioHigh", "LagGrowing", "MoveStorm", "ClockJump"]


class Alert(Wire):
    """The beginning or end of a condition in one lane.

    Attributes
    ----------
    name
        Name of the Prometheus alert and of its page in ``docs/runbooks``.
    severity
        ``critical``: look now; ``warning``: look today.
    since
        When the worker first saw the condition.
    at
        When this record was written.
    hint
        How to fix it.
    mend
        Same as ``hint``, for readers of release 0.1.0, which had only this name. To be removed in the next release.
    """

    event_id: Id
    type: Literal["alert.raised", "alert.cleared"]
    name: AlertName
    severity: Literal["critical", "warning"]
    lane: int
    since: Instant
    at: Instant
    summary: Text
    hint: Text
    mend: Text

    @model_validator(mode="before")
    @classmethod
    def _of_release_0_1(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "mend" in data and "hint" not in data:
            return {**data, "hint": data["mend"]}
        return data

    @property
    def key(self) -> bytes:
        """The record's key, which keeps alerts of one condition in order."""
        return condition_key(self.name, self.lane)


def condition_key(name: str, lane: int) -> bytes:
    """Return the identity of a lane's condition.

    >>> condition_key("LaneStopped", 3)
    b'LaneStopped/3'
    """
    return f"{name}/{lane}".encode()


def alert_id(name: str, lane: int, type: str, since: int) -> str:
    """Return the id for dropping duplicates: two workers that report the same condition use the same id."""
    return str(uuid5(ALERT_NAMESPACE, f"{name}/{lane}/{type}/{since}"))
