"""What people decide about models, as the model owner reads it: in the panel topic, beside what it learns from.

The key is unique, so compaction keeps each until the owner has acted on it; then the owner writes a null value under it,
in the transaction of what it did. With a control key they are signed as control records are.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from uuid import uuid4

from pydantic import Field, ValidationError, model_validator

from schemas.control import SIGNATURE_HEADER, sign, verify
from schemas.errors import InvalidEvent
from schemas.fields import Id, Text, Wire
from schemas.records import Headers
from schemas.refusals import describe

DECISION_KEY: Final = b"!decision:"


class ModelDecision(Wire):
    """Yes or no to a proposal, or another name for a segment.

    Attributes
    ----------
    proposal
        Number of the proposal, with ``approve`` and ``reject``.
    segment, name
        With ``rename``.
    """

    type: Literal["model.decision"] = "model.decision"
    segmentation: Id = "behaviour"
    action: Literal["approve", "reject", "rename"]
    proposal: Annotated[int, Field(ge=1)] | None = None
    segment: Id | None = None
    name: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs = (self.segment, self.name) if self.action == "rename" else (self.proposal,)
        if None in needs:
            raise ValueError("rename needs segment and name, approve and reject need proposal")
        return self


def decision_key() -> bytes:
    """A key that no other decision has."""
    return DECISION_KEY + uuid4().hex.encode()


def encode_decision(decision: ModelDecision, signing_key: bytes | None = None) -> tuple[bytes, Headers]:
    """Value and headers of a decision's record."""
    value = decision.model_dump_json(exclude_none=True).encode()
    return value, [(SIGNATURE_HEADER, sign(value, signing_key))] if signing_key else []


def decode_decision(value: bytes, headers: Headers = (), signing_key: bytes | None = None) -> ModelDecision:
    """The decision of a record; InvalidEvent (``bad_control``) if it is unsigned, or none."""
    if signing_key and not any(n == SIGNATURE_HEADER and verify(value, v, signing_key) for n, v in headers):
        raise InvalidEvent("bad_control", f"header {SIGNATURE_HEADER} is missing or wrong", SIGNATURE_HEADER)
    try:
        return ModelDecision.model_validate_json(value)
    except ValidationError as error:
        _, message, field = describe(error)
        raise InvalidEvent("bad_control", message, field) from None
