"""Decisions of people about models, written to the panel topic for the model owner.

The key is unique, so compaction keeps each until the owner has acted on it; then the owner writes a null value under it,
in the transaction of what it did. They are signed as control records are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self
from uuid import uuid4

from pydantic import Field, JsonValue, ValidationError, model_validator

from schemas.errors import InvalidEvent
from schemas.fields import Id, Text, Wire
from schemas.records import Headers
from schemas.refusals import describe
from schemas.signing import ControlKeys, Seal, time_number
from schemas.topics import PANEL

DECISION_KEY: Final = b"!decision:"


class ModelDecision(Wire):
    """The approval or rejection of a proposal, a new name for a segment, or the approval of a challenger of predictions.

    Attributes
    ----------
    proposal
        Number of the proposal, with ``approve`` and ``reject``.
    segment, name
        With ``rename``.
    challenger
        With ``adopt``: the JSON form of the challenger; the segmentation is ``predictions``.
    """

    type: Literal["model.decision"] = "model.decision"
    segmentation: Id = "behaviour"
    action: Literal["approve", "reject", "rename", "adopt"]
    proposal: Annotated[int, Field(ge=1)] | None = None
    segment: Id | None = None
    name: Text | None = None
    challenger: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs: dict[str, tuple[object, ...]] = {
            "rename": (self.segment, self.name),
            "adopt": (self.challenger,),
        }
        if None in needs.get(self.action, (self.proposal,)):
            raise ValueError("rename needs segment and name, adopt needs challenger, approve and reject need proposal")
        return self


def decision_key() -> bytes:
    """A unique key."""
    return DECISION_KEY + uuid4().hex.encode()


def encode_decision(decision: ModelDecision, keys: ControlKeys | None = None) -> tuple[bytes, Headers]:
    """Value and headers of a decision's record."""
    value = decision.model_dump_json(exclude_none=True).encode()
    return value, [keys.header(PANEL, 0, Seal("decision", time_number()), value)] if keys else []


def decode_decision(
    value: bytes, headers: Headers = (), keys: ControlKeys | None = None, taken: Sequence[int] = ()
) -> tuple[ModelDecision, list[int]]:
    """The decision in a record, and the numbers with its own added.

    Parameters
    ----------
    keys
        With them it must be signed.
    taken
        Numbers of the last decisions that were taken.

    Raises
    ------
    InvalidEvent
        ``bad_control``: it is none, not signed, or a repetition.
    """
    numbers = list(taken) if keys is None else keys.require(PANEL, value, headers, taken)
    try:
        return ModelDecision.model_validate_json(value), numbers
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None
