"""Decisions about models, made by people and written to the panel topic for the model owner.

Each decision has a unique key, so compaction keeps it until the owner has carried it out. The owner then writes a null
value under the key, in the same transaction as the effect. Decisions are signed like control records.
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
    """Return a unique record key."""
    return DECISION_KEY + uuid4().hex.encode()


def encode_decision(decision: ModelDecision, keys: ControlKeys | None = None) -> tuple[bytes, Headers]:
    """Return the value and headers of a decision's record."""
    value = decision.model_dump_json(exclude_none=True).encode()
    return value, [keys.header(PANEL, 0, Seal("decision", time_number()), value)] if keys else []


def decode_decision(
    value: bytes, headers: Headers = (), keys: ControlKeys | None = None, taken: Sequence[int] = ()
) -> tuple[ModelDecision, list[int]]:
    """Return the decision in a record, and ``taken`` with the decision's own number added.

    Parameters
    ----------
    keys
        If given, the decision must be signed.
    taken
        Numbers of the last decisions that were carried out.

    Raises
    ------
    InvalidEvent
        ``bad_control``: the record is not a decision, is not signed, or repeats an earlier one.
    """
    numbers = list(taken) if keys is None else keys.require(PANEL, value, headers, taken)
    try:
        return ModelDecision.model_validate_json(value), numbers
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None
